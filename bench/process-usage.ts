import { readFileSync } from 'node:fs'

// USER_HZ, in which Linux reports to user space on every architecture that Node runs on.
const TICKS_PER_SECOND = 100

/** CPU time that a process has used in all of its threads, user and system, in µs; in steps of 10 ms. */
export function cpuUs(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'latin1')
  // The name in parentheses may itself hold spaces and parentheses; fields 14 and 15 come after it.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  return ((Number(fields[11]) + Number(fields[12])) * 1e6) / TICKS_PER_SECOND
}

/** Memory of a process that is in RAM, in MiB. */
export function residentMiB(pid: number): number {
  const status = readFileSync(`/proc/${pid}/status`, 'latin1')
  return Number(/^VmRSS:\s*(\d+) kB$/m.exec(status)?.[1]) / 1024
}
