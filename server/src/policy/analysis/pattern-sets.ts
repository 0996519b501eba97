import { spend } from '../effort.ts'

// Patterns of policies as sets of texts: `*` stands for any characters, `?` for one. Matching is glob.ts's; here patterns are
// held against each other, where a wildcard reaches over everything: who asks whether two meet must not miss a meeting.

// Above this product of lengths an answer would take milliseconds; what cannot be answered is answered on the safe side.
const MOST_STEPS = 250_000
// To begin one: two short patterns, and what asks for it.
const EFFORT_OF_A_COMPARISON = 32

export function hasWildcard(text: string): boolean {
  return text.includes('*') || text.includes('?')
}

/** Nobody writes such a pattern by hand, and comparing many of them takes long. */
export function isIntricate(pattern: string): boolean {
  return pattern.split('*').length > 6 || pattern.length > 512
}

/** Whether everything that `special` matches is matched by `general`. A yes is certain; a no may be wrong for odd patterns. */
export function covers(general: string, special: string): boolean {
  if (general.length * special.length > MOST_STEPS) return general === special
  spend(EFFORT_OF_A_COMPARISON)
  // A wildcard of the special pattern is a character that only a wildcard of the general one takes: `?` by both, `*` by `*`.
  let p = 0
  let t = 0
  let star = -1
  let retry = 0
  while (t < special.length) {
    const wanted = general[p]
    const given = special[t]
    if (wanted === '*') {
      star = p++
      retry = t
    } else if (wanted !== undefined && given !== '*' && (wanted === '?' || wanted === given)) {
      p++
      t++
    } else if (star !== -1) {
      spend(t - retry + 1)
      p = star + 1
      t = ++retry
    } else return false
  }
  while (general[p] === '*') p++
  return p === general.length
}

/** Whether some text is matched by both. A no is certain. */
export function overlaps(one: string, other: string): boolean {
  if (one.length * other.length > MOST_STEPS) return true
  spend(EFFORT_OF_A_COMPARISON)
  // reached[j]: the first i characters of `one` and the first j of `other` can match the same text.
  let reached: boolean[] = [true]
  for (let j = 0; j < other.length; j++) reached.push(reached[j] === true && other[j] === '*')
  for (let i = 0; i < one.length; i++) {
    const next: boolean[] = [reached[0] === true && one[i] === '*']
    for (let j = 0; j < other.length; j++) {
      const [a, b] = [one[i], other[j]]
      if (a === '*' || b === '*') {
        next.push(
          reached[j] === true ||
            (a === '*' && reached[j + 1] === true) ||
            (a === '*' && next[j] === true) ||
            (b === '*' && next[j] === true) ||
            (b === '*' && reached[j + 1] === true),
        )
      } else next.push(reached[j] === true && (a === '?' || b === '?' || a === b))
    }
    spend(2 * other.length)
    // Most pairs differ within their first characters.
    if (!next.includes(true)) return false
    reached = next
  }
  return reached[other.length] === true
}

/** As `covers`, part by part where both are ARNs, since no wildcard of a policy reaches from one part into the next. */
export function arnCovers(general: string, special: string): boolean {
  if (general === '*') return true
  const [ours, theirs] = [arnParts(general), arnParts(special)]
  if (ours === undefined || theirs === undefined) return covers(general, special)
  return ours.every((part, i) => covers(part, theirs[i] ?? ''))
}

function arnParts(arn: string): readonly string[] | undefined {
  const parts = arn.split(':')
  return parts.length < 6 ? undefined : [...parts.slice(0, 5), parts.slice(5).join(':')]
}
