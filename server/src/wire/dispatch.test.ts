import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import { AwsError } from '../aws-error.ts'
import { openHeld, quietLog } from '../deployment/testing/deployment-fixture.ts'
import type { ServiceOperation } from '../services/call.ts'
import { createMetrics } from '../telemetry/metrics.ts'
import { createRateLimitedLog } from '../telemetry/rate-limited-log.ts'
import { createAuthenticator } from './authenticate.ts'
import { createDispatcher } from './dispatch.ts'
import { createRouter } from './route.ts'

/** Asks for one operation, as a root user in development. */
async function asking(t: TestContext, operation: Pick<ServiceOperation, 'admit' | 'run'>) {
  const { opened, clock } = await openHeld(t, { devAuth: true })
  const { store, journal, firstAccountId } = opened
  const now = () => clock.now()
  const bound: ServiceOperation = { name: 'Ask', input: {}, output: {}, readOnly: true, ...operation }
  const dispatch = createDispatcher({
    authenticator: createAuthenticator({
      ...opened,
      regions: new Set(['us-east-1']),
      defaultRegion: 'us-east-1',
      refresh: () => store.feed.catchUp(),
      now,
      development: { firstAccountId, ensureAccount: async () => {} },
    }),
    route: createRouter([
      {
        signingName: 'kms',
        protocol: { type: 'json', targetPrefix: 'TrentService' },
        eventSource: 'kms.amazonaws.com',
        operations: new Map([['Ask', bound]]),
        operationNames: new Set(['Ask']),
      },
    ]),
    store,
    journal,
    metrics: createMetrics({ operations: ['Ask'] }),
    log: quietLog,
    limited: createRateLimitedLog(quietLog, { clock }),
    now,
    used: () => {},
    keyUsed: () => {},
  })
  const date = new Date(now()).toISOString().replaceAll(/[-:]|\.\d+/g, '')
  const scope = `${date.slice(0, 8)}/us-east-1/kms/aws4_request`
  const headers = {
    host: 'localhost',
    'x-amz-date': date,
    'x-amz-target': 'TrentService.Ask',
    authorization: `AWS4-HMAC-SHA256 Credential=${firstAccountId}/${scope}, SignedHeaders=host;x-amz-date;x-amz-target, Signature=${'0'.repeat(64)}`,
  }
  return () =>
    dispatch({
      method: 'POST',
      target: '/',
      rawHeaders: Object.entries(headers).flat(),
      body: Buffer.from('{}'),
      sourceIp: '127.0.0.1',
    })
}

const stale = { value: undefined, valid: false, position: 0 }

test('a request that is decided again is admitted once', async (t) => {
  let admitted = 0
  let runs = 0
  const ask = await asking(t, {
    admit: () => admitted++,
    run: async (_, call) => {
      // What it rests on changes before its record is written.
      if (++runs < 4) call.use(stale)
      return {}
    },
  })
  const { status, body } = await ask()
  assert.equal(status, 200, body)
  assert.deepEqual([admitted, runs], [1, 4])
})

test('a request that was not admitted is asked about again when it is decided again, and is never run', async (t) => {
  let asked = 0
  const ask = await asking(t, {
    admit: (_, call) => {
      if (++asked < 3) call.use(stale)
      throw new AwsError('ThrottlingException', 'Slowly.')
    },
    run: () => assert.fail('it was run'),
  })
  assert.match((await ask()).body, /ThrottlingException.*Slowly/)
  assert.equal(asked, 3)
})
