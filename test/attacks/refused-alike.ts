import { assertRefused } from '../refusal.ts'

const AT_A_TIME = 8

/** Each of these is refused with one and the same error; a failure says which was not. */
export async function assertAllRefused(
  cases: Readonly<Record<string, Uint8Array>>,
  call: (value: Uint8Array) => Promise<unknown>,
  name: string,
  message: string,
): Promise<void> {
  const left = Object.entries(cases)
  while (left.length > 0) {
    const several = left.splice(0, AT_A_TIME).map(async ([what, value]) => {
      try {
        await assertRefused(call(value), name, message)
      } catch (error) {
        throw new Error(what, { cause: error })
      }
    })
    await Promise.all(several)
  }
}
