import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'

export const hex = (text: string) => Buffer.from(text, 'hex')

/** A file of figures, after making sure that all its cases are there. */
export function figures<Case, Rest = object>(file: string, count: number): { readonly cases: Case[] } & Rest {
  const read = JSON.parse(readFileSync(new URL(file, import.meta.url), 'utf8')) as { cases: Case[] } & Rest
  assert.equal(read.cases.length, count, `${file} holds ${count} cases`)
  return read
}

/** Only its cases. */
export function cases<Case>(file: string, count: number): Case[] {
  return figures<Case>(file, count).cases
}
