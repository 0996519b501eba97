import assert from 'node:assert/strict'
import { test } from 'node:test'
import { grantOperations } from '../../keys/grant-operations.ts'
import type { Standing } from '../../identity/standing.ts'
import { wholeFile } from '../../testing/whole-file.ts'
import { REGION } from '../../testing/test-call.ts'
import { kmsRig, type Asker } from './testing/kms-rig.ts'
import type { RequestOf } from './shapes.ts'

const OTHER = '222222222222'
const Plaintext = Buffer.from('x')

const rig = await kmsRig(wholeFile())
const own = rig.opened.firstAccountId
await rig.account(OTHER)
const root = await rig.root()
const stranger = await rig.root(OTHER)

const context = (pairs: Record<string, string>) => new Map(Object.entries(pairs))
const rootArn = (accountId: string) => `arn:aws:iam::${accountId}:root`
const allow = (Action: string, Condition?: object) => ({
  Effect: 'Allow',
  Action,
  Resource: '*',
  ...(Condition && { Condition }),
})

let names = 0
const user = (...statements: object[]): Promise<Asker> =>
  rig.user({ name: `user-${++names}`, allow: statements })
const foreigner = (...statements: object[]): Promise<Asker> =>
  rig.user({ name: `foreigner-${++names}`, accountId: OTHER, allow: statements })

async function newKey(request: RequestOf<'CreateKey'> = {}): Promise<{ id: string; arn: string }> {
  const { KeyMetadata } = await rig.ask(root, 'CreateKey', request)
  assert.ok(KeyMetadata?.Arn)
  return { id: KeyMetadata.KeyId, arn: KeyMetadata.Arn }
}

type Wanted = Omit<RequestOf<'CreateGrant'>, 'KeyId' | 'GranteePrincipal'>

async function grant(
  key: { arn: string },
  grantee: string,
  wanted: Wanted,
  as: Standing = root,
): Promise<{ GrantId: string; GrantToken: string }> {
  const made = await rig.ask(as, 'CreateGrant', { KeyId: key.arn, GranteePrincipal: grantee, ...wanted })
  assert.ok(made.GrantId !== undefined && made.GrantToken !== undefined)
  return { GrantId: made.GrantId, GrantToken: made.GrantToken }
}

async function refused(running: Promise<unknown>, code: string, message?: string | RegExp): Promise<void> {
  await assert.rejects(running, (error: Error & { code?: string }) => {
    assert.equal(error.code, code, error.message)
    if (typeof message === 'string') assert.equal(error.message, message)
    else if (message !== undefined) assert.match(error.message, message)
    return true
  })
}

const denied = (running: Promise<unknown>) => refused(running, 'AccessDeniedException')

test('a grant lets its grantee do its operations with its key, whatever account it is of, and nothing else', async () => {
  const [key, otherKey] = [await newKey(), await newKey()]
  for (const grantee of [await user(), await foreigner()]) {
    const standing = await grantee.standing()
    await denied(rig.ask(standing, 'Encrypt', { KeyId: key.arn, Plaintext }))
    await grant(key, grantee.arn, { Operations: ['Encrypt'] })
    await rig.ask(standing, 'Encrypt', { KeyId: key.arn, Plaintext })
    assert.match(String(rig.last.notes['grantId']), /^[0-9a-f]{64}$/)
    await denied(rig.ask(standing, 'DescribeKey', { KeyId: key.arn }))
    await denied(rig.ask(standing, 'Encrypt', { KeyId: otherKey.arn, Plaintext }))
  }
})

test('what a grant allowed is decided again once it is revoked', async () => {
  const key = await newKey()
  const grantee = await user()
  const standing = await grantee.standing()
  const { GrantId } = await grant(key, grantee.arn, { Operations: ['Encrypt'] })
  await rig.ask(standing, 'Encrypt', { KeyId: key.id, Plaintext })
  const { grounds } = rig.last
  assert.ok(grounds.every((entry) => entry.valid))
  await rig.ask(root, 'RevokeGrant', { KeyId: key.id, GrantId })
  assert.ok(grounds.some((entry) => !entry.valid))
  await denied(rig.ask(standing, 'Encrypt', { KeyId: key.id, Plaintext }))
})

test('a refusal is decided again once a grant is there', async () => {
  const key = await newKey()
  const grantee = await user()
  await denied(rig.ask(await grantee.standing(), 'Encrypt', { KeyId: key.id, Plaintext }))
  const { grounds } = rig.last
  await grant(key, grantee.arn, { Operations: ['Encrypt'] })
  assert.ok(grounds.some((entry) => !entry.valid))
})

test('a grant to a role is for each of its sessions, one to a session for that one', async () => {
  const [forRole, forSession] = [await newKey(), await newKey()]
  const role = await rig.role({ name: `role-${++names}` })
  const one = await role.standing()
  const another = await role.standing({
    role: { roleId: role.principal.principalId, sessionName: 'another' },
  })
  await grant(forRole, role.arn, { Operations: ['Encrypt'] })
  for (const standing of [one, another]) await rig.ask(standing, 'Encrypt', { KeyId: forRole.id, Plaintext })
  await grant(forSession, one.caller.arn, { Operations: ['Encrypt'] })
  await rig.ask(one, 'Encrypt', { KeyId: forSession.id, Plaintext })
  await denied(rig.ask(another, 'Encrypt', { KeyId: forSession.id, Plaintext }))
})

test('what is granted to an account, its root user may do, and others whom their policies allow it', async () => {
  const key = await newKey()
  const [with_, without] = [await foreigner(allow('kms:Encrypt')), await foreigner(allow('kms:Decrypt'))]
  await grant(key, rootArn(OTHER), { Operations: ['Encrypt'] })
  await rig.ask(stranger, 'Encrypt', { KeyId: key.arn, Plaintext })
  await rig.ask(await with_.standing(), 'Encrypt', { KeyId: key.arn, Plaintext })
  await denied(rig.ask(await without.standing(), 'Encrypt', { KeyId: key.arn, Plaintext }))
})

test('an explicit deny is above a grant', async () => {
  const key = await newKey()
  const grantee = await user({ Effect: 'Deny', Action: 'kms:Encrypt', Resource: '*' })
  await grant(key, grantee.arn, { Operations: ['Encrypt'] })
  await refused(
    rig.ask(await grantee.standing(), 'Encrypt', { KeyId: key.id, Plaintext }),
    'AccessDeniedException',
    /with an explicit deny in an identity-based policy$/,
  )
})

test('a principal that is made again under the same name has no grants, and the old one is shown by its unique id', async () => {
  const key = await newKey()
  const first = await user()
  await grant(key, first.arn, { Operations: ['Encrypt'], RetiringPrincipal: first.arn })
  const listed = async () => (await rig.ask(root, 'ListGrants', { KeyId: key.id })).Grants?.[0]
  assert.equal((await listed())?.GranteePrincipal, first.arn)
  await rig.remove(first)
  assert.equal((await listed())?.GranteePrincipal, first.principal.principalId)
  const again = await rig.user({ name: first.principal.name })
  assert.equal(again.arn, first.arn)
  await denied(rig.ask(await again.standing(), 'Encrypt', { KeyId: key.id, Plaintext }))
  assert.equal((await listed())?.RetiringPrincipal, first.principal.principalId)
})

test('constraints on the encryption context bind what has one, and not DescribeKey', async () => {
  const key = await newKey()
  const [exact, partial] = [await user(), await user()]
  const Operations = ['Encrypt', 'Decrypt', 'DescribeKey'] as const
  await grant(key, exact.arn, {
    Operations,
    Constraints: { EncryptionContextEquals: context({ Team: 'red', app: 'one' }) },
  })
  await grant(key, partial.arn, {
    Operations,
    Constraints: { EncryptionContextSubset: context({ team: 'red' }) },
  })
  const encrypt = async (who: Asker, pairs: Record<string, string>) =>
    rig.ask(await who.standing(), 'Encrypt', { KeyId: key.id, Plaintext, EncryptionContext: context(pairs) })
  const { CiphertextBlob } = await encrypt(exact, { Team: 'red', app: 'one' })
  assert.ok(CiphertextBlob)
  await rig.ask(await exact.standing(), 'Decrypt', {
    CiphertextBlob,
    EncryptionContext: context({ Team: 'red', app: 'one' }),
  })
  await denied(encrypt(exact, { Team: 'red' }))
  await denied(encrypt(exact, { Team: 'red', app: 'one', more: '' }))
  await encrypt(partial, { team: 'red', more: '' })
  await denied(encrypt(partial, { team: 'blue' }))
  await denied(encrypt(partial, { team: 'red', TEAM: 'red' }))
  await denied(encrypt(partial, {}))
  for (const who of [exact, partial]) await rig.ask(await who.standing(), 'DescribeKey', { KeyId: key.id })
})

test('the same request with the same name finds the same grant and gives another token', async () => {
  const key = await newKey()
  const grantee = await user()
  const wanted = {
    Name: 'nightly',
    Operations: ['Decrypt', 'Encrypt'],
    Constraints: { EncryptionContextSubset: context({ a: '1', b: '2' }) },
  } as const
  const first = await grant(key, grantee.arn, wanted)
  const again = await grant(key, grantee.arn, { ...wanted, Operations: ['Encrypt', 'Decrypt'] })
  assert.equal(again.GrantId, first.GrantId)
  assert.notEqual(again.GrantToken, first.GrantToken)
  const changed = await grant(key, grantee.arn, { ...wanted, Operations: ['Encrypt'] })
  assert.notEqual(changed.GrantId, first.GrantId)
  const { Name: _, ...unnamed } = wanted
  assert.notEqual(
    (await grant(key, grantee.arn, unnamed)).GrantId,
    (await grant(key, grantee.arn, unnamed)).GrantId,
  )
})

test('CreateGrant refuses what makes no sense, in the words of AWS where they are known', async () => {
  const key = await newKey()
  const grantee = (await user()).arn
  const Operations = ['Decrypt'] as const
  const bad = (request: Partial<RequestOf<'CreateGrant'>>, code = 'ValidationException', message?: string) =>
    refused(
      rig.ask(root, 'CreateGrant', { KeyId: key.id, GranteePrincipal: grantee, Operations, ...request }),
      code,
      message,
    )
  await bad(
    { Operations: ['CreateGrant'] },
    'ValidationException',
    'Grants must not contain only the CreateGrant operation.',
  )
  await bad({ Operations: [] })
  await bad({ Operations: ['Sign'] })
  await bad({ Operations: ['Decrypt', 'GetPublicKey'] })
  await bad({ GranteeServicePrincipal: 's3.us-east-1.amazonaws.com' })
  await bad({ RetiringPrincipal: grantee, RetiringServicePrincipal: 's3.us-east-1.amazonaws.com' })
  await bad({ GranteePrincipal: `${grantee}x` }, 'InvalidArnException')
  await bad({ RetiringPrincipal: 'arn:aws:iam::999999999999:root' }, 'InvalidArnException')
  await bad({ RetiringServicePrincipal: 'no.such.service' }, 'InvalidArnException')
  await bad({ GrantTokens: ['x'] }, 'InvalidGrantTokenException')
  const nine = context(Object.fromEntries(Array.from({ length: 9 }, (_, at) => [`k${at}`, 'v'])))
  await bad({ Constraints: { EncryptionContextEquals: nine } })
  await bad({ Constraints: { EncryptionContextEquals: context({ k: 'v'.repeat(385) }) } })
  await bad({ Constraints: { EncryptionContextEquals: context({ k: 'v', K: 'v' }) } })
  await bad({
    Constraints: {
      EncryptionContextEquals: context({ k: 'v' }),
      EncryptionContextSubset: context({ k: 'v' }),
    },
  })
  await bad({ DryRun: true }, 'DryRunOperationException')
  assert.deepEqual((await rig.ask(root, 'ListGrants', { KeyId: key.id })).Grants, [])
})

test('a service can be the grantee only for one resource and with somebody to retire the grant', async () => {
  const key = await newKey()
  const retiring = (await user()).arn
  const GranteeServicePrincipal = 's3.us-east-1.amazonaws.com'
  const SourceArn = `arn:aws:s3:us-east-1:${own}:bucket/one`
  const request = { KeyId: key.id, Operations: ['Decrypt'], GranteeServicePrincipal } as const
  await refused(rig.ask(root, 'CreateGrant', request), 'ValidationException')
  await refused(
    rig.ask(root, 'CreateGrant', { ...request, Constraints: { SourceArn } }),
    'ValidationException',
  )
  await rig.ask(root, 'CreateGrant', { ...request, Constraints: { SourceArn }, RetiringPrincipal: retiring })
  const [listed] = (await rig.ask(root, 'ListGrants', { KeyId: key.id })).Grants ?? []
  assert.equal(listed?.GranteeServicePrincipal, GranteeServicePrincipal)
  assert.equal(listed?.GranteePrincipal, undefined)
  assert.deepEqual(listed?.Constraints, { SourceArn })
})

test('a service uses its grants for the resource that they name, and retires them', async () => {
  const key = await newKey()
  const GranteeServicePrincipal = 's3.amazonaws.com'
  const SourceArn = `arn:aws:s3:us-east-1:${own}:bucket/one`
  const { GrantToken, GrantId } = await rig.ask(root, 'CreateGrant', {
    KeyId: key.id,
    Operations: ['Encrypt', 'DescribeKey', 'RetireGrant'],
    GranteeServicePrincipal,
    RetiringServicePrincipal: GranteeServicePrincipal,
    Constraints: { SourceArn, EncryptionContextSubset: context({ bucket: 'one' }) },
  })
  assert.ok(GrantToken)
  const serviceFor = (sourceArn?: string, name = 's3') =>
    rig.opened.standings.ofService({
      names: [`${name}.us-east-1.amazonaws.com`, `${name}.amazonaws.com`],
      accountId: OTHER,
      sourceArn,
    })
  const encrypt = async (as: Standing, pairs = { bucket: 'one' }) =>
    rig.ask(as, 'Encrypt', { KeyId: key.arn, Plaintext, EncryptionContext: context(pairs) })
  const s3 = await serviceFor(SourceArn)
  await encrypt(s3)
  await rig.ask(s3, 'DescribeKey', { KeyId: key.arn })
  await denied(encrypt(s3, { bucket: 'two' }))
  await denied(encrypt(await serviceFor()))
  await denied(encrypt(await serviceFor(`${SourceArn}/more`)))
  await denied(encrypt(await serviceFor(SourceArn, 'rds')))
  await denied(rig.ask(await serviceFor(undefined, 'rds'), 'RetireGrant', { GrantToken }))
  const own3 = await serviceFor()
  const { Grants } = await rig.ask(own3, 'ListRetirableGrants', {
    RetiringServicePrincipal: GranteeServicePrincipal,
  })
  assert.ok(Grants?.some((each) => each.GrantId === GrantId))
  await rig.ask(own3, 'RetireGrant', { GrantToken })
  await denied(encrypt(s3))
})

test('a disabled key gets no grants, and neither does one that is to be deleted; the others go on', async () => {
  const key = await newKey()
  const grantee = await user()
  const { GrantId } = await grant(key, grantee.arn, { Operations: ['DescribeKey'] })
  await rig.ask(root, 'DisableKey', { KeyId: key.id })
  const making = () =>
    rig.ask(root, 'CreateGrant', { KeyId: key.id, GranteePrincipal: grantee.arn, Operations: ['Decrypt'] })
  await refused(making(), 'DisabledException')
  await rig.ask(root, 'ScheduleKeyDeletion', { KeyId: key.id })
  await refused(making(), 'KMSInvalidStateException')
  assert.equal((await rig.ask(root, 'ListGrants', { KeyId: key.id })).Grants?.length, 1)
  await rig.ask(root, 'RevokeGrant', { KeyId: key.id, GrantId })
})

test('condition keys of CreateGrant say what the new grant would be', async () => {
  const key = await newKey()
  const grantee = await user()
  const maker = await user(
    allow('kms:CreateGrant', {
      'ForAllValues:StringEquals': { 'kms:GrantOperations': ['Encrypt', 'Decrypt'] },
      StringEquals: {
        'kms:GranteePrincipal': grantee.arn,
        'kms:GrantConstraintType': 'EncryptionContextSubset',
        'kms:EncryptionContext:team': 'red',
      },
    }),
  )
  const as = await maker.standing()
  const Constraints = { EncryptionContextSubset: context({ Team: 'red' }) }
  await grant(key, grantee.arn, { Operations: ['Decrypt'], Constraints }, as)
  await denied(grant(key, grantee.arn, { Operations: ['Decrypt', 'DescribeKey'], Constraints }, as))
  await denied(grant(key, maker.arn, { Operations: ['Decrypt'], Constraints }, as))
  await denied(grant(key, grantee.arn, { Operations: ['Decrypt'] }, as))
  const equal = { EncryptionContextEquals: context({ Team: 'red' }) }
  await denied(grant(key, grantee.arn, { Operations: ['Decrypt'], Constraints: equal }, as))
  // An empty subset is no constraint, so it does not pass for one.
  const empty = { EncryptionContextSubset: context({}) }
  await denied(grant(key, grantee.arn, { Operations: ['Decrypt'], Constraints: empty }, as))
})

test('a condition on whom a grant names is not got round by another spelling', async () => {
  const key = await newKey()
  const [eve, friend] = [await user(), await user()]
  const maker = await user(
    allow('kms:CreateGrant'),
    ...[eve.arn, rootArn(OTHER)].flatMap((named) =>
      ['kms:GranteePrincipal', 'kms:RetiringPrincipal'].map((about) => ({
        Effect: 'Deny',
        Action: 'kms:CreateGrant',
        Resource: '*',
        Condition: { StringEquals: { [about]: named } },
      })),
    ),
  )
  const as = await maker.standing()
  const Operations = ['Decrypt'] as const
  const attempt = async (name: string, code: string) => {
    await refused(grant(key, name, { Operations }, as), code)
    await refused(grant(key, friend.arn, { Operations, RetiringPrincipal: name }, as), code)
  }
  await grant(key, friend.arn, { Operations, RetiringPrincipal: maker.arn }, as)
  for (const name of [eve.arn, rootArn(OTHER), OTHER]) await attempt(name, 'AccessDeniedException')
  for (const name of [
    eve.principal.principalId,
    eve.arn.replace('arn:aws:', 'arn:aws-cn:'),
    rootArn(OTHER).replace('arn:aws:', 'arn:aws-us-gov:'),
  ]) {
    await attempt(name, 'InvalidArnException')
  }
})

test('who may make grants by a grant makes none that allows more, for whom and how often it likes', async () => {
  const key = await newKey()
  const [maker, child] = [await foreigner(), await foreigner()]
  const as = await maker.standing()
  await grant(key, maker.arn, {
    Operations: ['Decrypt', 'CreateGrant'],
    Constraints: { EncryptionContextSubset: context({ team: 'red' }) },
  })
  const strict = { EncryptionContextSubset: context({ team: 'red', app: 'one' }) }
  await grant(key, child.arn, { Operations: ['Decrypt'], Constraints: strict }, as)
  await denied(grant(key, child.arn, { Operations: ['Decrypt'] }, as))
  await denied(grant(key, child.arn, { Operations: ['Encrypt'], Constraints: strict }, as))
  const [listed] =
    (await rig.ask(root, 'ListGrants', { KeyId: key.id, GranteePrincipal: child.arn })).Grants ?? []
  assert.equal(listed?.IssuingAccount, rootArn(OTHER))
})

test('a grant is retired by its retiring principal, by a grantee with RetireGrant, and by the account that made it', async () => {
  const key = await newKey()
  const [grantee, retiring] = [await foreigner(), await foreigner()]
  const make = (Operations: Wanted['Operations'] = ['Decrypt']) =>
    grant(key, grantee.arn, { Operations, RetiringPrincipal: retiring.arn })
  const gone = async (GrantId: string) =>
    assert.deepEqual((await rig.ask(root, 'ListGrants', { KeyId: key.id, GrantId })).Grants, [])
  const retire = (as: Standing, request: RequestOf<'RetireGrant'>) => rig.ask(as, 'RetireGrant', request)

  const byToken = await make()
  await denied(retire(await grantee.standing(), { GrantToken: byToken.GrantToken }))
  await refused(
    retire(await retiring.standing(), { GrantToken: byToken.GrantToken, DryRun: true }),
    'DryRunOperationException',
  )
  await retire(await retiring.standing(), { GrantToken: byToken.GrantToken })
  await gone(byToken.GrantId)

  const byGrantee = await make(['Decrypt', 'RetireGrant'])
  await retire(await grantee.standing(), { KeyId: key.arn, GrantId: byGrantee.GrantId })
  await gone(byGrantee.GrantId)

  const byAccount = await make()
  await retire(root, { KeyId: key.id, GrantId: byAccount.GrantId })
  await gone(byAccount.GrantId)

  const byDelegate = await make()
  const [delegate, other] = [await user(allow('kms:RetireGrant')), await user(allow('kms:RevokeGrant'))]
  await denied(retire(await other.standing(), { KeyId: key.id, GrantId: byDelegate.GrantId }))
  await retire(await delegate.standing(), { KeyId: key.id, GrantId: byDelegate.GrantId })
  await gone(byDelegate.GrantId)
})

test('an identity policy can deny RetireGrant, and nobody else learns whether a grant is there', async () => {
  const key = await newKey()
  const forbidden = await user({ Effect: 'Deny', Action: 'kms:RetireGrant', Resource: '*' })
  const { GrantId, GrantToken } = await grant(key, forbidden.arn, {
    Operations: ['Decrypt', 'RetireGrant'],
  })
  await denied(rig.ask(await forbidden.standing(), 'RetireGrant', { GrantToken }))
  const messageOf = async (request: RequestOf<'RetireGrant'>) => {
    try {
      await rig.ask(stranger, 'RetireGrant', request)
    } catch (error) {
      return (error as Error).message
    }
    return assert.fail('it was retired')
  }
  const missing = 'f'.repeat(64)
  assert.equal(
    await messageOf({ KeyId: key.arn, GrantId }),
    await messageOf({ KeyId: key.arn, GrantId: missing }),
  )
  await refused(rig.ask(root, 'RetireGrant', { KeyId: key.id, GrantId: missing }), 'NotFoundException')
  await refused(rig.ask(root, 'RevokeGrant', { KeyId: key.id, GrantId: missing }), 'NotFoundException')
  await refused(rig.ask(root, 'RevokeGrant', { KeyId: key.id, GrantId: 'x' }), 'InvalidGrantIdException')
  await refused(rig.ask(root, 'RetireGrant', { KeyId: key.id, GrantId: 'x' }), 'InvalidGrantIdException')
  await refused(rig.ask(root, 'RetireGrant', { KeyId: key.id }), 'ValidationException')
  await refused(rig.ask(root, 'RetireGrant', { GrantToken, GrantId }), 'ValidationException')
  await refused(rig.ask(root, 'RetireGrant', { GrantToken: `${GrantToken}A` }), 'InvalidGrantTokenException')
})

test('a policy about RetireGrant can go by the key, as any other about an operation on one', async () => {
  const key = await newKey({ Tags: [{ TagKey: 'env', TagValue: 'prod' }] })
  const [spec, tag] = [{ 'kms:KeySpec': 'SYMMETRIC_DEFAULT' }, { 'aws:ResourceTag/env': 'prod' }]
  for (const StringEquals of [spec, tag]) {
    const about = { Action: 'kms:RetireGrant', Resource: '*', Condition: { StringEquals } }
    const held = await user({ Effect: 'Deny', ...about })
    const { GrantId, GrantToken } = await grant(key, held.arn, { Operations: ['Decrypt', 'RetireGrant'] })
    for (const request of [{ GrantToken }, { KeyId: key.id, GrantId }]) {
      await refused(
        rig.ask(await held.standing(), 'RetireGrant', request),
        'AccessDeniedException',
        /with an explicit deny in an identity-based policy$/,
      )
    }
    const delegate = await user({ Effect: 'Allow', ...about })
    await rig.ask(await delegate.standing(), 'RetireGrant', { KeyId: key.id, GrantId })
  }
})

test('every token that is shown must be one of ours; one of another grant does no harm and no good', async () => {
  const [key, otherKey] = [await newKey(), await newKey()]
  const grantee = await user()
  const { GrantToken } = await grant(otherKey, grantee.arn, { Operations: ['Encrypt'] })
  const standing = await grantee.standing()
  await denied(rig.ask(standing, 'Encrypt', { KeyId: key.id, Plaintext, GrantTokens: [GrantToken] }))
  await rig.ask(standing, 'Encrypt', { KeyId: otherKey.id, Plaintext, GrantTokens: [GrantToken] })
  await rig.ask(root, 'Encrypt', { KeyId: key.id, Plaintext, GrantTokens: [GrantToken] })
  await refused(
    rig.ask(root, 'Encrypt', { KeyId: key.id, Plaintext, GrantTokens: [GrantToken, 'forged'] }),
    'InvalidGrantTokenException',
  )
})

test('ListGrants gives each grant once, page by page, and those of one grantee or id', async () => {
  const key = await newKey()
  const [one, other] = [await user(), await user()]
  const made: string[] = []
  for (let at = 0; at < 7; at++) {
    made.push((await grant(key, at % 2 ? one.arn : other.arn, { Operations: ['Decrypt'] })).GrantId)
  }
  const found: string[] = []
  let Marker: string | undefined
  do {
    const page = await rig.ask(root, 'ListGrants', { KeyId: key.id, Limit: 3, ...(Marker && { Marker }) })
    found.push(...(page.Grants ?? []).map((each) => each.GrantId ?? ''))
    Marker = page.NextMarker
    assert.equal(page.Truncated, Marker !== undefined)
  } while (Marker !== undefined)
  assert.deepEqual(found, made.toSorted())
  const ofOne = await rig.ask(root, 'ListGrants', { KeyId: key.id, GranteePrincipal: one.arn })
  assert.equal(ofOne.Grants?.length, 3)
  const [GrantId] = made
  assert.ok(GrantId)
  const byId = await rig.ask(root, 'ListGrants', { KeyId: key.arn, GrantId })
  assert.deepEqual(
    byId.Grants?.map((each) => [each.GrantId, each.KeyId, each.IssuingAccount]),
    [[GrantId, key.arn, rootArn(own)]],
  )
  await refused(rig.ask(root, 'ListGrants', { KeyId: key.id, GrantId: 'x' }), 'InvalidGrantIdException')
  await refused(rig.ask(root, 'ListGrants', { KeyId: key.id, Marker: 'x' }), 'InvalidMarkerException')
  await denied(rig.ask(stranger, 'ListGrants', { KeyId: key.arn }))
})

test('ListRetirableGrants is about a principal of the own account, on whatever keys', async () => {
  const key = await newKey()
  const retiring = await foreigner()
  const { GrantId } = await grant(key, rootArn(own), {
    Operations: ['Decrypt'],
    RetiringPrincipal: retiring.arn,
  })
  const { Grants } = await rig.ask(stranger, 'ListRetirableGrants', { RetiringPrincipal: retiring.arn })
  assert.deepEqual(
    Grants?.map((each) => [each.GrantId, each.KeyId]),
    [[GrantId, key.arn]],
  )
  const list = (as: Standing, request: RequestOf<'ListRetirableGrants'>) =>
    rig.ask(as, 'ListRetirableGrants', request)
  await refused(list(root, { RetiringPrincipal: retiring.arn }), 'InvalidArnException')
  await refused(list(root, {}), 'ValidationException')
  await refused(list(root, { RetiringServicePrincipal: 's3.us-east-1.amazonaws.com' }), 'ValidationException')
  await denied(list(await retiring.standing(), { RetiringPrincipal: retiring.arn }))
})

test('the grants of a key go with it', async () => {
  const key = await newKey()
  const grantee = await user()
  const { GrantToken } = await grant(key, grantee.arn, { Operations: ['Encrypt', 'RetireGrant'] })
  await rig.ask(await grantee.standing(), 'Encrypt', { KeyId: key.id, Plaintext })
  const { grounds } = rig.last
  await rig.change(async (tx) => {
    const stored = await rig.opened.keys.read(tx.db, REGION, key.id)
    assert.ok(stored)
    await rig.opened.keys.destroy(tx, stored)
  })
  assert.ok(grounds.filter((entry) => !entry.valid).length >= 2)
  await denied(rig.ask(await grantee.standing(), 'RetireGrant', { GrantToken }))
  const rows = await rig.opened.store.db
    .selectFrom('grants')
    .where('key_id', '=', key.id)
    .selectAll()
    .execute()
  assert.deepEqual(rows, [])
})

test('no grant can name an operation that the table of a symmetric key does not have', async () => {
  const key = await newKey()
  const grantee = await user()
  const possible: string[] = []
  for (const operation of grantOperations) {
    if (operation === 'CreateGrant') continue
    const making = grant(key, grantee.arn, { Operations: [operation] })
    await making.then(
      () => possible.push(operation),
      (error: { code?: string }) => assert.equal(error.code, 'ValidationException'),
    )
  }
  assert.deepEqual(possible, [
    'Decrypt',
    'Encrypt',
    'GenerateDataKey',
    'GenerateDataKeyWithoutPlaintext',
    'ReEncryptFrom',
    'ReEncryptTo',
    'RetireGrant',
    'DescribeKey',
    'GenerateDataKeyPair',
    'GenerateDataKeyPairWithoutPlaintext',
  ])
})
