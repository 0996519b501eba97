import type { CompiledPolicy } from '../policy/compile.ts'

/** What a request says about itself beside who sends it: the facts behind the global condition keys. */
export interface RequestFacts {
  readonly region: string
  /** Milliseconds since the epoch. */
  readonly timeMs: number
  readonly sourceIp: string
  readonly userAgent: string | undefined
  readonly secureTransport: boolean
  /** Set when the request came through a private endpoint. */
  readonly endpoint: PrivateEndpoint | undefined
}

/** A listener that stands for a VPC endpoint. */
export interface PrivateEndpoint {
  /** `vpce-…` */
  readonly vpceId: string
  /** `vpc-…` */
  readonly vpcId: string
  readonly policy: CompiledPolicy | undefined
}
