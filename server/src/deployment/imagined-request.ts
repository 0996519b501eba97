import type { RequestFacts } from '../identity/request-facts.ts'
import { plainSession } from '../identity/session.ts'
import type { Standing } from '../identity/standing.ts'

/**
 * The request that is imagined: from nowhere in particular, over TLS, now, unless the context says otherwise.
 *
 * @param context by condition key, in any case
 */
export function imaginedFacts(
  { region }: { readonly region: string },
  context: ReadonlyMap<string, string>,
  nowMs: number,
): RequestFacts {
  const given = new Map([...context].map(([name, value]) => [name.toLowerCase(), value]))
  const time = given.get('aws:currenttime')
  const vpceId = given.get('aws:sourcevpce')
  return {
    region: given.get('aws:requestedregion') ?? region,
    timeMs: time === undefined || Number.isNaN(Date.parse(time)) ? nowMs : Date.parse(time),
    sourceIp: given.get('aws:sourceip') ?? given.get('aws:vpcsourceip') ?? '',
    userAgent: given.get('aws:useragent'),
    secureTransport: given.get('aws:securetransport') !== 'false',
    endpoint:
      vpceId === undefined
        ? undefined
        : { vpceId, vpcId: given.get('aws:sourcevpc') ?? '', policy: undefined },
  }
}

/** A caller of whom the context says more than its rows do: tags of a session, a second factor. */
export function withContext(
  standing: Standing,
  context: ReadonlyMap<string, string>,
  nowMs: number,
): Standing {
  const given = new Map([...context].map(([name, value]) => [name.toLowerCase(), value]))
  const age = given.get('aws:multifactorauthage')
  const { caller } = standing
  const session =
    age === undefined
      ? caller.session
      : {
          ...plainSession({ issuedAtMs: nowMs, expiresAtMs: nowMs }),
          ...caller.session,
          mfaAtMs: nowMs - Number(age) * 1000,
        }
  return {
    ...standing,
    caller: session === undefined ? caller : { ...caller, session },
    context: { get: (key) => given.get(key) ?? standing.context.get(key) },
  }
}
