import type { KeyObject } from 'node:crypto'
import type { PrivateKeyForm } from './key-form.ts'

export type RsaForm = Extract<PrivateKeyForm, { type: 'rsa' }>

/** How many keys of a size are kept: 25 KB in all, two to three seconds of one core. */
const RESERVE = { 2048: 8, 3072: 4, 4096: 2 } as const satisfies Record<RsaForm['modulusBits'], number>

/**
 * RSA keys made ahead for clients that ask for data key pairs. Each is given once and then forgotten; none is ever a KMS key
 * or stored. Nothing is made of a size that nobody has asked for yet.
 */
export class PairReserve {
  readonly #make: (form: RsaForm) => Promise<KeyObject>
  readonly #ready = new Map<RsaForm['modulusBits'], KeyObject[]>()
  readonly #making = new Set<RsaForm['modulusBits']>()
  #closed = false

  /** @param make may reject; it is asked again with the next demand */
  constructor(make: (form: RsaForm) => Promise<KeyObject>) {
    this.#make = make
  }

  /** A key that nobody else has or gets, and a new one is made in its place; undefined when there is none just now. */
  take(form: RsaForm): KeyObject | undefined {
    const key = this.#ready.get(form.modulusBits)?.pop()
    this.#fill(form).catch(() => undefined)
    return key
  }

  close(): void {
    this.#closed = true
    this.#ready.clear()
  }

  async #fill(form: RsaForm): Promise<void> {
    const { modulusBits } = form
    if (this.#making.has(modulusBits)) return
    this.#making.add(modulusBits)
    try {
      const ready = this.#ready.get(modulusBits) ?? []
      this.#ready.set(modulusBits, ready)
      while (!this.#closed && ready.length < RESERVE[modulusBits]) ready.push(await this.#make(form))
    } finally {
      this.#making.delete(modulusBits)
    }
  }
}
