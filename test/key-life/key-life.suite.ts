import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { requireAgreement } from './agreement.ts'
import { newDeployment, perform, type Real } from './deployment.ts'
import { doWhatIsDue, isPossible, modelRegions, step, type Command, type Model } from './model.ts'

const KEYS = 2

const key = fc.nat({ max: KEYS - 1 })
// Most of what can be done is done where the primary key is.
const region = fc.oneof(
  { arbitrary: fc.constant(modelRegions[0]), weight: 2 },
  { arbitrary: fc.constant(modelRegions[1]), weight: 1 },
)
const alias = fc.constantFrom('alias/a', 'alias/b')
const downDays = fc.constantFrom(0, 2, 40)
const onKey = { key, region }

const commands: readonly (readonly [weight: number, fc.Arbitrary<Command>])[] = [
  [3, fc.record({ do: fc.constant('encrypt'), ...onKey })],
  [4, fc.record({ do: fc.constantFrom('enable', 'enable', 'disable', 'cancel', 'cancel'), ...onKey })],
  [2, fc.record({ do: fc.constant('schedule'), ...onKey, days: fc.constantFrom(7, 10, 30) })],
  [4, fc.record({ do: fc.constant('rotate'), ...onKey })],
  [2, fc.record({ do: fc.constant('rotate yearly'), ...onKey, days: fc.constantFrom(90, 180) })],
  [1, fc.record({ do: fc.constant('rotate no more'), ...onKey })],
  [
    6,
    fc.record({
      do: fc.constant('import'),
      ...onKey,
      what: fc.constantFrom('the right bytes', 'the wrong bytes', 'new bytes'),
      days: fc.constantFrom(undefined, undefined, 20, 50),
    }),
  ],
  [1, fc.record({ do: fc.constant('delete material'), ...onKey })],
  [3, fc.record({ do: fc.constant('replicate'), ...onKey })],
  [2, fc.record({ do: fc.constant('move primary'), ...onKey })],
  [2, fc.record({ do: fc.constantFrom('grant', 'revoke'), ...onKey })],
  [2, fc.record({ do: fc.constant('name'), ...onKey, alias })],
  [1, fc.record({ do: fc.constant('take the name away'), region, alias })],
  [3, fc.record({ do: fc.constant('wait'), days: fc.constantFrom(1, 8, 31, 100) })],
  [2, fc.record({ do: fc.constantFrom('restart', 'crash'), downDays })],
]

const created = fc.record({
  do: fc.constant('create' as const),
  external: fc.boolean(),
  multiRegion: fc.boolean(),
})

/** Keys that have been used, so that there is something to lose. */
function begin(creations: readonly (Command & { do: 'create' })[]): Command[] {
  const [home] = modelRegions
  const uses = creations.flatMap(({ external, multiRegion }, number): Command[] => {
    const on = { key: number, region: home }
    return [
      ...(external ? [{ do: 'import', what: 'new bytes', ...on } as const] : []),
      ...(multiRegion ? [{ do: 'replicate', ...on } as const] : []),
      { do: 'encrypt', ...on },
    ]
  })
  return [...creations, ...uses]
}

class Step implements fc.AsyncCommand<Model, Real> {
  readonly command: Command
  constructor(command: Command) {
    this.command = command
  }
  check(model: Readonly<Model>): boolean {
    return isPossible(model, this.command)
  }
  async run(model: Model, real: Real): Promise<void> {
    const { command } = this
    model.nowMs = real.server.clock.now()
    doWhatIsDue(model)
    if (command.do === 'restart' || command.do === 'crash') {
      // The model begins where the server starts again.
      const got = await perform(real, model, command)
      assert.equal(got, undefined)
      model.nowMs = real.startedAtMs
      assert.equal(step(model, command), undefined)
    } else {
      const before = structuredClone({ keys: model.keys })
      const wanted = step(model, command)
      const got = await perform(real, { ...model, ...before }, command)
      assert.equal(got, wanted)
    }
    model.nowMs = real.server.clock.now()
    doWhatIsDue(model)
    await requireAgreement(real, model)
  }
  toString(): string {
    return JSON.stringify(this.command)
  }
}

/** @param newDatabase the URL of one, or undefined for SQLite in a directory of its own */
export function keyLifeSuite(newDatabase: () => Promise<string | undefined>, numRuns: number): void {
  test('whatever is done to keys in whatever order, with restarts and crashes in between: what should open opens, and nothing else does', async () => {
    const steps = fc.commands(
      commands.flatMap(([weight, arbitrary]) =>
        Array.from({ length: weight }, () => arbitrary.map((command) => new Step(command))),
      ),
      { maxCommands: 80, size: 'max' },
    )
    const beginning = fc.array(created, { minLength: KEYS, maxLength: KEYS })
    const property = fc.asyncProperty(beginning, fc.noBias(steps), async (creations, sequence) => {
      const real = await newDeployment(await newDatabase())
      try {
        const model: Model = { nowMs: real.server.clock.now(), keys: [] }
        for (const command of begin(creations)) await new Step(command).run(model, real)
        await fc.asyncModelRun(() => ({ model, real }), sequence)
      } finally {
        await real.server.stop()
      }
    })
    await fc.assert(property, { numRuns })
  })
}
