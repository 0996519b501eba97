/** Where the parts of a signature are (FIPS 204, algorithm 26): c̃, then z, then the hints. */
interface Layout {
  readonly commitmentBytes: number
  readonly coefficientBits: number
  /** ω, how many hints there may be, and k, of how many polynomials. */
  readonly omega: number
  readonly k: number
}

/** FIPS 204, table 1. */
const layouts = {
  'ml-dsa-44': { commitmentBytes: 32, coefficientBits: 18, omega: 80, k: 4 },
  'ml-dsa-65': { commitmentBytes: 48, coefficientBits: 20, omega: 55, k: 6 },
  'ml-dsa-87': { commitmentBytes: 64, coefficientBits: 20, omega: 75, k: 8 },
} as const satisfies Record<string, Layout>

export type ParameterSet = keyof typeof layouts

/** What a signature must not be taken for, by what is wrong with it. Some of these hints say the same in other bytes. */
export function malformed(parameterSet: ParameterSet, signature: Buffer): Readonly<Record<string, Buffer>> {
  return { ...otherHints(layouts[parameterSet], signature), ...otherParts(layouts[parameterSet], signature) }
}

/** Whether there are hints to change: two for one polynomial, and room behind the last. */
export function hasHintsToChange(parameterSet: ParameterSet, signature: Buffer): boolean {
  const { omega, k } = layouts[parameterSet]
  const hints = signature.subarray(-(omega + k))
  return pairOf(hints, omega, k) !== undefined && (hints.at(-1) as number) < omega - 1
}

/** The place of two hints for the same polynomial. */
function pairOf(hints: Buffer, omega: number, k: number): number | undefined {
  for (let polynomial = 0, first = 0; polynomial < k; polynomial++) {
    const end = hints[omega + polynomial] as number
    if (end - first >= 2) return first
    first = end
  }
  return undefined
}

function otherHints({ omega, k }: Layout, signature: Buffer): Record<string, Buffer> {
  const hintsAt = signature.length - omega - k
  const hints = signature.subarray(hintsAt)
  const pair = pairOf(hints, omega, k)
  if (pair === undefined) throw new Error('no two hints for one polynomial')
  const changed = (...changes: readonly (readonly [index: number, byte: number])[]) => {
    const copy = Buffer.from(signature)
    for (const [index, byte] of changes) copy[hintsAt + index] = byte
    return copy
  }
  const at = (index: number) => hints[index] as number
  const lastCount = omega + k - 1
  const used = at(lastCount)
  return {
    'two hints in the other order': changed([pair, at(pair + 1)], [pair + 1, at(pair)]),
    'one hint twice': changed([pair + 1, at(pair)]),
    'a byte after the last hint': changed([used, 1]),
    'a byte at the end of the room for hints': changed([omega - 1, 1]),
    'more hints than there are': changed([lastCount, used + 1]),
    'fewer hints than there are': changed([lastCount, used - 1]),
    'more hints than there may be': changed([lastCount, omega + 1]),
    'more hints than there are bytes': changed([lastCount, 255]),
    'counts that go down': changed([omega, used], [omega + 1, used - 1]),
    'a first count beyond the room': changed([omega, 255]),
    'no hints': changed(...Array.from(hints, (_, index) => [index, 0] as const)),
    'hints of ones': changed(...Array.from(hints, (_, index) => [index, 255] as const)),
  }
}

function otherParts(layout: Layout, signature: Buffer): Record<string, Buffer> {
  const { commitmentBytes, coefficientBits, omega, k } = layout
  const hintsAt = signature.length - omega - k
  const filled = (start: number, end: number, byte: number) => Buffer.from(signature).fill(byte, start, end)
  const flipped = (index: number, bit: number) => {
    const copy = Buffer.from(signature)
    copy[index] = (copy[index] as number) ^ bit
    return copy
  }
  const coefficientBytes = Math.ceil(coefficientBits / 8)
  return {
    'the first bit of the commitment changed': flipped(0, 1),
    'the last bit of the commitment changed': flipped(commitmentBytes - 1, 0x80),
    'a commitment of zeros': filled(0, commitmentBytes, 0),
    'the first bit of z changed': flipped(commitmentBytes, 1),
    'the last bit of z changed': flipped(hintsAt - 1, 0x80),
    // Zero stands for γ1, which is over the bound of every coefficient; ones for its other end.
    'a coefficient over the bound': filled(commitmentBytes, commitmentBytes + coefficientBytes, 0),
    'a coefficient under the bound': filled(commitmentBytes, commitmentBytes + coefficientBytes, 0xff),
    'z of zeros': filled(commitmentBytes, hintsAt, 0),
    'z of ones': filled(commitmentBytes, hintsAt, 0xff),
    'its last byte missing': signature.subarray(0, -1),
    'its first byte missing': signature.subarray(1),
    'a byte too many': Buffer.concat([signature, Buffer.of(0)]),
    'a byte before it': Buffer.concat([Buffer.of(0), signature]),
    'its commitment alone': signature.subarray(0, commitmentBytes),
    'filled up to 6144 bytes': Buffer.concat([signature, Buffer.alloc(6144 - signature.length)]),
    'one byte': Buffer.of(0),
    zeros: Buffer.alloc(signature.length),
    ones: Buffer.alloc(signature.length, 0xff),
  }
}
