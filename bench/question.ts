import { rmSync } from 'node:fs'
import { join } from 'node:path'
import type { Figure } from './figure.ts'
import { diskDirectory, twoCores } from './machine.ts'

/** One thing that the bench finds out. */
export interface Question {
  readonly name: string
  ask(bench: Bench): Promise<Figure[]>
}

/** What the questions of a run share. */
export interface Bench extends Disposable {
  readonly quick: boolean
  /** On a real disk; removed at the end. */
  readonly directory: string
  readonly cores: { readonly server: number; readonly load: number }
  /** Keep-alive connections, as many to each server. */
  readonly connections: number
  /** Alternating rounds, and seconds for each server in each of them. */
  readonly rounds: number
  readonly seconds: number
  /** Rounds at a constant rate, each with a peak of its own before it: their p99 varies more than anything else. */
  readonly latencyRounds: number
  /** How many keys "many keys" are. */
  readonly manyKeys: number
  /** A name in the directory that nothing has yet. */
  fresh(name: string): string
  /** What is done only once in a run, such as making many keys. */
  once<T>(name: string, make: () => Promise<T>): Promise<T>
  say(line: string): void
}

export async function openBench({ quick }: { quick: boolean }): Promise<Bench> {
  const cores = twoCores()
  const directory = await diskDirectory()
  const remove = () => {
    rmSync(directory, { recursive: true, force: true })
  }
  process.once('exit', remove)
  const made = new Map<string, Promise<unknown>>()
  let names = 0
  return {
    quick,
    directory,
    cores,
    connections: 128,
    rounds: quick ? 2 : 5,
    seconds: quick ? 2 : 5,
    latencyRounds: quick ? 2 : 9,
    manyKeys: quick ? 10_000 : 100_000,
    fresh: (name) => join(directory, `${++names}-${name}`),
    once<T>(name: string, make: () => Promise<T>) {
      const known = made.get(name) ?? make()
      made.set(name, known)
      return known as Promise<T>
    },
    say: (line) => {
      console.log(line)
    },
    [Symbol.dispose]: remove,
  }
}
