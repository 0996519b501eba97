import { after } from 'node:test'

/** Stands in for a test's context where what is opened serves all tests of a file; what came last is cleaned up first. */
export function wholeFile(): { after(cleanUp: () => Promise<void> | void): void } {
  const cleanUps: (() => Promise<void> | void)[] = []
  after(async () => {
    for (const cleanUp of cleanUps.toReversed()) await cleanUp()
  })
  return {
    after: (cleanUp) => {
      cleanUps.push(cleanUp)
    },
  }
}
