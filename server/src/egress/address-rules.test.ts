import assert from 'node:assert/strict'
import { test } from 'node:test'
import { addressRules } from './address-rules.ts'

// One or two of each range of the IANA registries, and every way to write an IPv4 address as an IPv6 one.
const refused = [
  '0.0.0.0',
  '0.1.2.3',
  '10.0.0.1',
  '10.255.255.255',
  '100.64.0.1',
  '100.127.255.255',
  '127.0.0.1',
  '127.255.255.254',
  '169.254.169.254',
  '172.16.0.1',
  '172.31.255.255',
  '192.0.0.8',
  '192.0.2.1',
  '192.88.99.1',
  '192.168.1.1',
  '198.18.0.1',
  '198.51.100.1',
  '203.0.113.1',
  '224.0.0.1',
  '239.255.255.255',
  '240.0.0.1',
  '255.255.255.255',
  '::',
  '::1',
  '::127.0.0.1',
  '::ffff:127.0.0.1',
  '::ffff:7f00:1',
  '::ffff:8.8.8.8',
  '64:ff9b::a00:1',
  '64:ff9b::8.8.8.8',
  '64:ff9b:1::1',
  '100::1',
  '2001::1',
  '2001:10::1',
  '2001:db8::1',
  '2002:7f00:1::1',
  '2002:808:808::1',
  '3fff::1',
  '5f00::1',
  'fc00::1',
  'fd12:3456::1',
  'fe80::1',
  'fec0::1',
  'ff02::1',
]

const permitted = [
  '1.1.1.1',
  '8.8.8.8',
  '9.255.255.255',
  '11.0.0.0',
  '100.63.255.255',
  '100.128.0.0',
  '172.15.255.255',
  '172.32.0.0',
  '192.167.255.255',
  '223.255.255.255',
  '2606:4700:4700::1111',
  '2a00:1450:4001:80b::200e',
]

test('what is not the public internet is refused', () => {
  const rules = addressRules([])
  for (const address of refused) assert.equal(rules.permits('idp.example.com', address), false, address)
})

test('the public internet is permitted, up to the borders of what is refused', () => {
  const rules = addressRules([])
  for (const address of permitted) assert.equal(rules.permits('idp.example.com', address), true, address)
})

test('a network, an address or a host name that the operator lists is permitted, and nothing beside it', () => {
  const rules = addressRules(['10.1.0.0/16', '192.168.7.7', 'fd00:1::/32', 'IdP.internal'])
  for (const address of ['10.1.2.3', '192.168.7.7', 'fd00:1:2::3']) {
    assert.equal(rules.permits('idp.example.com', address), true, address)
  }
  for (const address of ['10.2.0.1', '192.168.7.8', 'fd00:2::1', '127.0.0.1']) {
    assert.equal(rules.permits('idp.example.com', address), false, address)
  }
  assert.equal(rules.permits('idp.internal', '10.9.9.9'), true)
  assert.equal(rules.permits('other.idp.internal', '10.9.9.9'), false)
})

test('what is no address is refused', () => {
  const rules = addressRules(['localhost'])
  for (const text of ['', 'localhost', '127.1', '0x7f.0.0.1', '::1%lo']) {
    assert.equal(addressRules([]).permits('example.com', text), false, text)
    assert.equal(rules.permits('example.com', text), false, text)
  }
})
