import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect, type TLSSocket } from 'node:tls'
import { test } from 'node:test'
import { heldClock } from '../testing/held-clock.ts'
import { link, newLinkedSet, openSide, settle } from './testing/linked-pair.ts'

test('a linked deployment that holds all it can get keeps no other one from being heard', async (t) => {
  const clock = heldClock()
  const victim = await openSide(t, 'eu-west-1', clock)
  const evil = await openSide(t, 'us-east-1', clock)
  const friend = await openSide(t, 'ap-south-1', clock)
  await link(victim, evil)
  await link(victim, friend)
  await settle(victim, evil, friend)
  const own = await evil.opened.linkIdentities.own()
  const sockets: TLSSocket[] = []
  for (let held = 0; held < 64; held++) {
    const socket = connect({
      port: Number(new URL(victim.url).port),
      host: '127.0.0.1',
      rejectUnauthorized: false,
      cert: own.certificate.toString(),
      key: own.privateKey.export({ type: 'pkcs8', format: 'pem' }),
    })
    sockets.push(socket.on('error', () => undefined))
    await Promise.race([once(socket, 'secureConnect'), once(socket, 'close')])
    socket.write('POST /v1/messages HTTP/1.1\r\nhost: a\r\ncontent-length: 1000\r\n\r\n{')
  }
  const keyId = await newLinkedSet(friend, victim)
  assert.ok(await victim.key(keyId))
  for (const socket of sockets) socket.destroy()
})
