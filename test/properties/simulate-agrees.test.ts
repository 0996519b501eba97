import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import fc from 'fast-check'
import { startServer } from '../server-process.ts'
import { ACCOUNT, ACTIONS, openStage, scenarios } from './access-scenario.ts'

const server = await startServer({ env: { KEYWRIGHT_ACCOUNT_ID: ACCOUNT } })
after(() => server.stop())
const stage = await openStage(server)
const contexts = fc.constantFrom<Record<string, string>>({}, { tenant: 'red' }, { tenant: 'blue', file: '1' })

test('what SimulatePrincipalPolicy says of users, groups, boundaries and key policies is what the server does', async () => {
  const seen = { allowed: 0, refused: 0 }
  await fc.assert(
    fc.asyncProperty(scenarios(stage.keyArns), contexts, async (scenario, context) => {
      await stage.set(scenario)
      const done = await stage.allowed(context)
      const said = new Set<string>()
      await Promise.all(
        stage.users.flatMap(({ name, arn }) =>
          stage.keyArns.map(async (keyArn, key) => {
            const { EvaluationResults = [] } = await stage.iam.simulatePrincipalPolicy({
              PolicySourceArn: arn,
              CallerArn: arn,
              ActionNames: [...ACTIONS],
              ResourceArns: [keyArn],
              ResourcePolicy: stage.keyPolicy(scenario, key),
              ContextEntries: [
                ...Object.entries(context).map(([pair, value]) => ({
                  ContextKeyName: `kms:EncryptionContext:${pair}`,
                  ContextKeyType: 'string' as const,
                  ContextKeyValues: [value],
                })),
                {
                  ContextKeyName: 'kms:EncryptionContextKeys',
                  ContextKeyType: 'stringList' as const,
                  ContextKeyValues: Object.keys(context),
                },
              ],
            })
            assert.equal(EvaluationResults.length, ACTIONS.length)
            for (const { EvalActionName, EvalDecision } of EvaluationResults) {
              if (EvalDecision === 'allowed') said.add(`${name} ${keyArn} ${EvalActionName}`)
            }
          }),
        ),
      )
      assert.deepEqual([...said].toSorted(), [...done].toSorted())
      seen.allowed += done.size
      seen.refused += stage.users.length * stage.keyArns.length * ACTIONS.length - done.size
    }),
    { numRuns: 40, endOnFailure: true },
  )
  // Neither all nor nothing: both sides were tried.
  assert.ok(seen.allowed > 20 && seen.refused > 20, JSON.stringify(seen))
})
