import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import fc from 'fast-check'
import { startServer } from '../server-process.ts'
import { ACCOUNT, openStage, scenarios, type PlainStatement, type Scenario } from './access-scenario.ts'

const server = await startServer({ env: { KEYWRIGHT_ACCOUNT_ID: ACCOUNT } })
after(() => server.stop())
const stage = await openStage(server)
const contexts = fc.constantFrom<Record<string, string>>({}, { tenant: 'red' }, { tenant: 'blue', file: '1' })

/** Every list of statements changed in one way. */
function everywhere(
  scenario: Scenario,
  change: (statements: readonly PlainStatement[]) => PlainStatement[],
): Scenario {
  return {
    ...scenario,
    inline: scenario.inline.map(change),
    groups: scenario.groups.map(change),
    boundaries: scenario.boundaries.map((statements) => statements && change(statements)),
    keyPolicies: scenario.keyPolicies.map(change),
  }
}

const isWithin = (inner: ReadonlySet<string>, outer: ReadonlySet<string>) =>
  [...inner].filter((each) => !outer.has(each))

test('a Deny that is added anywhere, by whatever call, adds no access; taken back, all is as it was', async () => {
  let taken = 0
  await fc.assert(
    fc.asyncProperty(
      scenarios(stage.keyArns),
      scenarios(stage.keyArns),
      contexts,
      fc.nat(4),
      async (scenario, other, context, place) => {
        await stage.set(scenario)
        const before = await stage.allowed(context)
        const denied = everywhere(other, (statements) =>
          statements.map((statement) => ({ ...statement, Effect: 'Deny' as const })),
        )
        const add = (own: readonly PlainStatement[][], more: readonly PlainStatement[][]) =>
          own.map((statements, i) => [...(more[i] ?? []), ...statements])
        const parts: Partial<Scenario>[] = [
          { inline: add(scenario.inline, denied.inline) },
          { groups: add(scenario.groups, denied.groups) },
          { keyPolicies: add(scenario.keyPolicies, denied.keyPolicies) },
          // A boundary where there was none limits, whatever it allows.
          { boundaries: scenario.boundaries.map((own, i) => own ?? other.boundaries[i]) },
          {
            boundaries: scenario.boundaries.map((own, i) =>
              own === undefined ? undefined : [...own, ...(denied.boundaries[i] ?? [])],
            ),
          },
        ]
        await stage.set({ ...scenario, ...parts[place] })
        const later = await stage.allowed(context)
        assert.deepEqual(isWithin(later, before), [])
        taken += before.size - later.size
        await stage.set(scenario)
        assert.deepEqual(await stage.allowed(context), before)
      },
    ),
    { numRuns: 25, endOnFailure: true },
  )
  assert.ok(taken > 0, 'some Deny took something away')
})

test('the order of statements does not matter, wherever they stand', async () => {
  await fc.assert(
    fc.asyncProperty(scenarios(stage.keyArns), contexts, async (scenario, context) => {
      await stage.set(scenario)
      const before = await stage.allowed(context)
      await stage.set(everywhere(scenario, (statements) => statements.toReversed()))
      assert.deepEqual([...(await stage.allowed(context))].toSorted(), [...before].toSorted())
    }),
    { numRuns: 15, endOnFailure: true },
  )
})
