import { Worker } from 'node:worker_threads'
import { MaterialUnavailable } from './material.ts'
import type { TaskOutcome, TaskRequest, Tasks } from './thread-tasks.ts'
import { Turns, type TurnLimits } from './turns.ts'

export interface ThreadOptions {
  /** A module that calls `serveTasks`. */
  readonly file: URL
  /** How many threads there are at most; each starts when there is work for it. */
  readonly count: number
  /** How much a thread is given at a time, so that it need not wait for the event loop between two short tasks. */
  readonly ahead: number
  readonly waiting: TurnLimits
}

interface Job extends Omit<TaskRequest, 'number'> {
  /** Nobody waits for it but this process. */
  readonly spare: boolean
  resolve(answer: unknown): void
  reject(error: unknown): void
}

interface Thread {
  readonly worker: Worker
  /** What it was given and has not answered, in order. */
  readonly jobs: (Job & { readonly number: number })[]
}

/**
 * A bounded number of worker threads for tasks that would hold up the event loop. Not libuv's pool: fsync and DNS wait
 * there. Owners take turns.
 *
 * An idle thread does not keep the process alive; one that works for someone does.
 */
export class Threads<Known extends Tasks> {
  readonly #options: ThreadOptions
  readonly #turns: Turns<Job>
  readonly #spare: Job[] = []
  readonly #threads = new Set<Thread>()
  #spareRunning = false
  #lastNumber = 0
  #closed = false

  constructor(options: ThreadOptions) {
    this.#options = options
    this.#turns = new Turns(options.waiting)
  }

  /**
   * Bytes among the arguments are copied.
   *
   * @throws TooManyWaiting
   * @throws MaterialUnavailable when the thread or this object ends before the answer
   */
  run<Name extends keyof Known & string>(
    owner: string,
    name: Name,
    ...args: Parameters<Known[Name]>
  ): Promise<ReturnType<Known[Name]>> {
    return this.#queue({ name, args, spare: false }, (job) => this.#turns.add(owner, job))
  }

  /** For work that nobody waits for: it begins when nothing else waits, one such task at a time. */
  runSpare<Name extends keyof Known & string>(
    name: Name,
    ...args: Parameters<Known[Name]>
  ): Promise<ReturnType<Known[Name]>> {
    return this.#queue({ name, args, spare: true }, (job) => this.#spare.push(job))
  }

  /** Ends the threads. What waits or runs is rejected; a task that has begun is done before its thread ends. */
  async close(): Promise<void> {
    this.#closed = true
    const left: Job[] = [...this.#threads].flatMap(({ jobs }) => jobs.splice(0))
    for (let job = this.#turns.next(); job !== undefined; job = this.#turns.next()) left.push(job)
    for (const job of [...left, ...this.#spare.splice(0)]) job.reject(closed())
    await Promise.all([...this.#threads].map(({ worker }) => worker.terminate()))
  }

  #queue<Answer>(
    { name, args, spare }: Pick<Job, 'name' | 'args' | 'spare'>,
    add: (job: Job) => void,
  ): Promise<Answer> {
    return new Promise<Answer>((resolve, reject) => {
      if (this.#closed) throw closed()
      // A view of memory that is shared with others would take all of that memory along.
      const owned = args.map((arg) => (arg instanceof Uint8Array ? new Uint8Array(arg) : arg))
      add({ name, args: owned, spare, resolve: resolve as (answer: unknown) => void, reject })
      this.#dispatch()
    })
  }

  #dispatch(): void {
    for (let thread = this.#free(); thread !== undefined; thread = this.#free()) {
      const job = this.#next()
      if (job === undefined) return
      try {
        this.#give(thread ?? this.#start(), job)
      } catch (cause) {
        if (job.spare) this.#spareRunning = false
        job.reject(new MaterialUnavailable('A thread for slow cryptography did not start', { cause }))
      }
    }
  }

  /** A thread that takes more: an idle one, else null for one that can be started, else one that is not full. */
  #free(): Thread | null | undefined {
    let free: Thread | undefined
    for (const thread of this.#threads) {
      if (thread.jobs.length < (free?.jobs.length ?? this.#options.ahead)) free = thread
    }
    if (free?.jobs.length === 0) return free
    return this.#threads.size < this.#options.count ? null : free
  }

  #next(): Job | undefined {
    const job = this.#turns.next()
    if (job !== undefined || this.#spareRunning) return job
    const spare = this.#spare.shift()
    if (spare !== undefined) this.#spareRunning = true
    return spare
  }

  #give({ worker, jobs }: Thread, job: Job): void {
    const number = ++this.#lastNumber
    worker.postMessage({ number, name: job.name, args: job.args } satisfies TaskRequest)
    jobs.push({ ...job, number })
    if (!job.spare) worker.ref()
  }

  #start(): Thread {
    // The environment may hold secrets, and the thread needs none of it.
    const worker = new Worker(this.#options.file, { env: {} })
    worker.unref()
    const thread: Thread = { worker, jobs: [] }
    this.#threads.add(thread)
    let cause: unknown
    worker.on('message', (outcome: TaskOutcome) => this.#answered(thread, outcome))
    // Answers come in order; one that is lost would give each of the next to somebody else's task.
    worker.once('messageerror', (error) => {
      cause = error
      void worker.terminate()
    })
    worker.once('error', (error) => {
      cause = error
    })
    worker.once('exit', () => this.#ended(thread, cause))
    return thread
  }

  #answered(thread: Thread, outcome: TaskOutcome): void {
    const [job] = thread.jobs
    // What came while this object was closing.
    if (job === undefined) return
    if (job.number !== outcome.number) {
      void thread.worker.terminate()
      return
    }
    thread.jobs.shift()
    if (job.spare) this.#spareRunning = false
    if (thread.jobs.every(({ spare }) => spare)) thread.worker.unref()
    if ('error' in outcome) job.reject(outcome.error)
    else job.resolve(asBuffer(outcome.answer))
    this.#dispatch()
  }

  #ended(thread: Thread, cause: unknown): void {
    this.#threads.delete(thread)
    for (const job of thread.jobs) {
      if (job.spare) this.#spareRunning = false
      job.reject(new MaterialUnavailable('A thread for slow cryptography ended', { cause }))
    }
    if (!this.#closed) this.#dispatch()
  }
}

function closed(): MaterialUnavailable {
  return new MaterialUnavailable('The threads for slow cryptography are closed')
}

function asBuffer(answer: unknown): unknown {
  return answer instanceof Uint8Array ? Buffer.from(answer.buffer, answer.byteOffset, answer.length) : answer
}
