import type { Clock } from '../clock.ts'
import {
  ServicePrincipalError,
  type ServicePrincipal,
  type ServicePrincipals,
} from '../identity/service-principals.ts'
import { DuplicateRowError, type Store } from '../store/store.ts'
import { DeploymentError } from './deployment-error.ts'
import { operatorRecord, type Operator } from './operator-record.ts'

/** The services that may act for their users, as the operator manages them. */
export interface ServiceRegistration {
  /** @param args.certificate in PEM form */
  register(args: { name: string; certificate: string }, operator: Operator): Promise<ServiceFacts>
  list(): Promise<readonly ServiceFacts[]>
  /** Its sessions end at once, on every node. */
  remove(args: { name: string }, operator: Operator): Promise<void>
}

export interface ServiceFacts {
  readonly name: string
  /** SHA-256 of the certificate's DER, in hex. */
  readonly certificateFingerprint: string
  /** Milliseconds since the epoch, as every time here. */
  readonly certificateExpiresAt: number
  readonly createdAt: number
}

export function createServiceRegistration(parts: {
  store: Store
  servicePrincipals: ServicePrincipals
  clock: Clock
}): ServiceRegistration {
  const { store, servicePrincipals, clock } = parts
  return {
    async register({ name, certificate }, operator) {
      try {
        return await store.transition(async (tx) => {
          const facts = factsOf(await servicePrincipals.register(tx, name, certificate))
          const { certificateFingerprint } = facts
          tx.record((changePosition) =>
            operatorRecord({
              clockMs: clock.now(),
              operator,
              command: 'RegisterService',
              parameters: { name },
              response: { certificateFingerprint },
              changePosition,
            }),
          )
          return facts
        })
      } catch (cause) {
        if (cause instanceof ServicePrincipalError) throw new DeploymentError(cause.message, { cause })
        if (!(cause instanceof DuplicateRowError)) throw cause
        throw new DeploymentError(
          `${name}, or another service with this certificate, is registered already: remove it first`,
          { cause },
        )
      }
    },

    list: async () => (await servicePrincipals.list()).map(factsOf),

    async remove({ name }, operator) {
      await store.transition(async (tx) => {
        const stored = await servicePrincipals.read(name)
        if (stored === undefined) throw new DeploymentError(`there is no service ${name}`)
        await servicePrincipals.remove(tx, stored)
        tx.record((changePosition) =>
          operatorRecord({
            clockMs: clock.now(),
            operator,
            command: 'RemoveService',
            parameters: { name },
            changePosition,
          }),
        )
      })
    },
  }
}

function factsOf(service: ServicePrincipal): ServiceFacts {
  return {
    name: service.name,
    certificateFingerprint: service.certificateFingerprint,
    certificateExpiresAt: service.notAfterMs,
    createdAt: service.createdAtMs,
  }
}
