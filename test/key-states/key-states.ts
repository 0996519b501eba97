import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { KMSServiceException } from '@aws-sdk/client-kms'
import { regions, startHeldServer, type HeldServer } from '../held-server.ts'
import { newKey } from '../kms-client.ts'
import { documented, type Answer, type State } from './documented-states.ts'
import { enter, kinds, neverImported, newSubjects, statesOf, type Subject } from './key-in-each-state.ts'
import { keepRows } from './kept-rows.ts'
import { casesOf } from './operations-on-a-key.ts'
import { madeWith, type Use } from './typed-use.ts'

/** One answer of the table, for a failure to name. */
interface Cell {
  readonly operation: string
  readonly notFor: string | undefined
}

const errors: Readonly<Record<Exclude<Answer, 'ok'>, string>> = {
  D: 'DisabledException',
  K: 'KMSInvalidStateException',
  U: 'UnsupportedOperationException',
}

const said: Readonly<Record<State, string>> = {
  Enabled: 'not pending deletion',
  Disabled: 'disabled',
  PendingDeletion: 'pending deletion',
  PendingReplicaDeletion: 'pending replica deletion',
  PendingImport: 'pending import',
  Creating: 'creating',
  Updating: 'updating',
}

/** Which of the documented answers is ours, in the words of AWS: `ok`, or the error's name and text. */
function expected({ operation, notFor }: Cell, state: State, { arn }: Subject): string {
  const documentedAnswers = documented[operation]?.[state]
  assert.ok(documentedAnswers !== undefined, `${operation} is not in the table`)
  if (notFor !== undefined && documentedAnswers.includes('U')) return `${errors.U}: ${notFor}`
  const answers = documentedAnswers.filter((answer) => answer !== 'U')
  // Of a key that is to be deleted AWS gives D or K; we say K.
  const ours = answers.length > 1 ? 'K' : answers[0]
  assert.ok(ours !== undefined, `${operation} of a key that it is for is not documented in ${state}`)
  if (ours === 'ok') return 'ok'
  const what = operation === 'CancelKeyDeletion' ? 'not pending deletion' : said[state]
  return `${errors[ours]}: ${arn} is ${what}.`
}

async function answerOf(call: () => Promise<unknown>): Promise<string> {
  try {
    await call()
    return 'ok'
  } catch (error) {
    if (!(error instanceof KMSServiceException)) throw error
    return `${error.name}: ${error.message}`
  }
}

/** Every kind of key of each origin, made before the timers stop; what could not be made says so in its own test. */
async function prepare(multiRegion: boolean) {
  const server = await startHeldServer()
  const others = new Map<string, Use['other']>()
  for (const region of regions) {
    const kms = server.kms(region)
    const { id } = await newKey(kms)
    others.set(region, { KeyId: id, made: await madeWith(kms, id, kinds[0]) })
  }
  const subjects = new Map<string, PromiseSettledResult<readonly Subject[]>>()
  for (const { kind, origin, name } of keys) {
    const [made] = await Promise.allSettled([newSubjects(server, kind, origin, multiRegion)])
    subjects.set(name, made)
  }
  await server.stopTimers()
  return {
    server,
    others,
    subjects: (name: string): readonly Subject[] => {
      const made = subjects.get(name)
      if (made?.status !== 'fulfilled') throw made?.reason
      return made.value
    },
  }
}

const keys = kinds.flatMap((kind) =>
  (['AWS_KMS', 'EXTERNAL'] as const)
    .filter((origin) => origin === 'AWS_KMS' || !neverImported.includes(kind.name))
    .map((origin) => ({ kind, origin, name: `${kind.name} keys of origin ${origin}` })),
)

/** Declares a test for each kind of key that is alone, or for each of which there is a set. */
export function keyStatesTests(multiRegion: boolean): void {
  const preparing = prepare(multiRegion)
  after(async () => (await preparing).server.stop())
  const where = multiRegion ? 'primary and replica' : 'of one Region'
  for (const { name } of keys) {
    test(`${name}, ${where}: every operation answers in every state as documented`, async (t) => {
      const { server, others, subjects } = await preparing
      const ofName = subjects(name)
      const asMade = await keepRows(server, ofName[0]?.KeyId ?? '')
      for (const subject of ofName) {
        const other = others.get(subject.region)
        assert.ok(other !== undefined)
        for (const state of statesOf(subject)) {
          await t.test(`${subject.place} ${state}`, async () => {
            await asMade()
            await enter(server, subject, state)
            assert.deepEqual(await wrongAnswers(server, subject, state, other), [])
          })
        }
      }
    })
  }
}

async function wrongAnswers(
  server: HeldServer,
  subject: Subject,
  state: State,
  other: Use['other'],
): Promise<string[]> {
  const asItIs = await keepRows(server, subject.KeyId)
  const wrong: string[] = []
  for (const each of casesOf(server, subject, other)) {
    const answer = await answerOf(each.call)
    const wanted = expected(each, state, subject)
    if (answer !== wanted) wrong.push(`${each.name}: ${answer}, instead of ${wanted}`)
    if (each.changes && answer === 'ok') await asItIs()
  }
  return wrong
}
