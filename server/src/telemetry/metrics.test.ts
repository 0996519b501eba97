import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createMetrics } from './metrics.ts'

test('requests are counted by operation and result, and timed by operation', async () => {
  const metrics = createMetrics({ operations: ['Encrypt', 'Decrypt'] })
  metrics.request('Encrypt', 'success', 0.0004)
  metrics.request('Encrypt', 'success', 0.3)
  metrics.request('Decrypt', 'InvalidCiphertextException', 0.001)
  const text = await metrics.text()
  assert.match(text, /^keywright_requests_total\{operation="Encrypt",result="success"\} 2$/m)
  assert.match(
    text,
    /^keywright_requests_total\{operation="Decrypt",result="InvalidCiphertextException"\} 1$/m,
  )
  assert.match(text, /^keywright_request_duration_seconds_bucket\{le="0.0005",operation="Encrypt"\} 1$/m)
  assert.match(text, /^keywright_request_duration_seconds_count\{operation="Encrypt"\} 2$/m)
})

test('no client can name a series or make their number grow', async () => {
  const metrics = createMetrics({ operations: ['Encrypt'] })
  metrics.request('Evil"} 1\nfake_metric 7', 'success', 0.001)
  metrics.request('Encrypt', 'result with spaces\n', 0.001)
  for (let i = 0; i < 1000; i++) {
    metrics.refusedSignature(`Code${i}`)
    metrics.request(`Operation${i}`, `Result${i}`, 0.001)
  }
  const text = await metrics.text()
  assert.ok(!text.includes('fake_metric') && !text.includes('Operation1'))
  assert.match(text, /^keywright_refused_signatures_total\{code="other"\} 800$/m)
  assert.ok(text.split('\n').filter((line) => line.startsWith('keywright_requests_total{')).length <= 202)
})

test('caches and the journal are read when somebody looks', async () => {
  const metrics = createMetrics({ operations: [] })
  const totals = { hits: 3, misses: 1 }
  metrics.observeCache('keys', () => totals)
  metrics.observeJournal(() => ({ pending: 5, oldestPendingMs: 1500 }))
  metrics.journalCommit(0.004, 32)
  await metrics.text()
  totals.hits = 10
  const text = await metrics.text()
  assert.match(text, /^keywright_cache_hits_total\{cache="keys"\} 10$/m)
  assert.match(text, /^keywright_cache_misses_total\{cache="keys"\} 1$/m)
  assert.match(text, /^keywright_journal_pending_records 5$/m)
  assert.match(text, /^keywright_journal_lag_seconds 1.5$/m)
  assert.match(text, /^keywright_journal_commit_seconds_bucket\{le="0.005"\} 1$/m)
  assert.match(text, /^keywright_journal_batch_records_bucket\{le="32"\} 1$/m)
})

test('connections, rejections and the process itself are shown', async () => {
  const metrics = createMetrics({ operations: [] })
  metrics.connections(1)
  metrics.connections(1)
  metrics.connections(-1)
  metrics.httpRejected('timeout')
  const text = await metrics.text()
  assert.match(text, /^keywright_connections 1$/m)
  assert.match(text, /^keywright_http_rejected_total\{reason="timeout"\} 1$/m)
  assert.match(text, /^keywright_http_rejected_total\{reason="body_too_large"\} 0$/m)
  assert.match(text, /^process_resident_memory_bytes \d+$/m)
  assert.match(text, /^nodejs_eventloop_lag_seconds /m)
  assert.match(metrics.contentType, /^text\/plain/)
})

test('throttled requests are counted by the classes that there are, and no other', async () => {
  const metrics = createMetrics({ operations: [], quotaClasses: ['CreateKey', 'Cryptographic.RSA'] })
  metrics.throttled('CreateKey')
  metrics.throttled('CreateKey')
  metrics.throttled('of a client')
  const text = await metrics.text()
  assert.match(text, /^keywright_throttled_requests_total\{class="CreateKey"\} 2$/m)
  assert.match(text, /^keywright_throttled_requests_total\{class="Cryptographic.RSA"\} 0$/m)
  assert.ok(!text.includes('of a client'))
})
