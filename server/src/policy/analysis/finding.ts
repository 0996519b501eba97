import type { JsonNode, JsonObject } from '../json.ts'
import type { Position } from '../malformed.ts'
import type { FindingType } from './issue.ts'
import { issues, learnMoreLink, type IssueCode, type IssueValues } from './issues.ts'

/** One thing that is to be said about a policy, as ValidatePolicy answers it. */
export interface Finding {
  readonly findingType: FindingType
  readonly issueCode: IssueCode
  readonly findingDetails: string
  readonly learnMoreLink: string
  readonly locations: readonly FindingLocation[]
}

export interface FindingLocation {
  readonly path: readonly PathElement[]
  readonly span: { readonly start: Position; readonly end: Position }
}

/** A step from the document inwards: into a list, to the value of a name, or to a name itself. */
export type PathElement = { readonly index: number } | { readonly value: string } | { readonly key: string }

/** What a finding is about: a value, or the name of a member. */
export type Place = JsonNode | NamePlace

export interface NamePlace {
  readonly name: string
  readonly of: JsonObject
}

/** Turns places of a text into the locations of findings. */
export class FindingWriter {
  readonly #text: string
  readonly #lineStarts: number[] = [0]

  constructor(text: string) {
    this.#text = text
    for (let at = text.indexOf('\n'); at !== -1; at = text.indexOf('\n', at + 1))
      this.#lineStarts.push(at + 1)
  }

  write<Code extends IssueCode>(code: Code, places: readonly Place[], values: IssueValues<Code>): Finding {
    const given = values as Readonly<Record<string, string>>
    return {
      findingType: issues[code].type,
      issueCode: code,
      findingDetails: issues[code].text.replaceAll(/<([^>]+)>/g, (_, name: string) => given[name] ?? ''),
      learnMoreLink: learnMoreLink(code),
      locations: places.map((place) => this.#locate(place)),
    }
  }

  positionOf(offset: number): Position {
    let low = 0
    let high = this.#lineStarts.length
    while (high - low > 1) {
      const middle = (low + high) >>> 1
      if ((this.#lineStarts[middle] ?? 0) <= offset) low = middle
      else high = middle
    }
    return { line: low + 1, column: offset - (this.#lineStarts[low] ?? 0), offset }
  }

  #locate(place: Place): FindingLocation {
    if ('name' in place) {
      const { start, end } = this.#nameSpan(place)
      const path = [...place.of.path.map(valueStep), { key: place.name }]
      return { path, span: { start: this.positionOf(start), end: this.positionOf(end) } }
    }
    const span = { start: this.positionOf(place.start), end: this.positionOf(place.end) }
    return { path: place.path.map(valueStep), span }
  }

  /** A name stands before its value: back over the colon to its closing quote, and to the quote that opens it. */
  #nameSpan({ name, of }: NamePlace): { start: number; end: number } {
    const value = of.members.get(name)
    if (value === undefined) return of
    const end = this.#text.lastIndexOf('"', this.#text.lastIndexOf(':', value.start - 1)) + 1
    let start = end - 2
    while (start > 0 && (this.#text[start] !== '"' || this.#isEscaped(start))) start--
    return { start, end }
  }

  #isEscaped(at: number): boolean {
    let backslashes = 0
    while (this.#text[at - 1 - backslashes] === '\\') backslashes++
    return backslashes % 2 === 1
  }
}

function valueStep(step: string | number): PathElement {
  return typeof step === 'number' ? { index: step } : { value: step }
}
