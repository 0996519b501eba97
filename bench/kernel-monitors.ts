import { spawnSync } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { allowedCpus } from './machine.ts'

/** The kernel's threads that watch which memory is used (DAMON), where there are some, and where they run. */
export interface KernelMonitors extends Disposable {
  /** Nothing when there are none. */
  readonly said?: string
}

/**
 * Keeps the kernel's monitors of memory use on the load's CPU, and puts them back in the end. They work for the machine
 * and not for the server, up to 50 ms every few seconds, on whichever of the CPUs they please. Needs root; without, it is said
 * that they may have disturbed the server. What the kernel does for the server, such as writing its files, stays where it is.
 */
export function monitorsOffServer(cores: { readonly server: number; readonly load: number }): KernelMonitors {
  const monitors = kernelMonitors()
  const putBack = () => {
    for (const { pid, cpus } of monitors.splice(0)) move(pid, cpus)
  }
  process.once('exit', putBack)
  const stuck = monitors.filter(({ pid }) => !move(pid, String(cores.load)))
  return {
    ...(monitors.length > 0 && {
      said:
        stuck.length === 0
          ? `kept on CPU ${cores.load}`
          : `free to run on CPU ${cores.server}, since only root can move them: they cost the server up to 50 ms at a time`,
    }),
    [Symbol.dispose]: putBack,
  }
}

function kernelMonitors(): { readonly pid: number; readonly cpus: string }[] {
  return readdirSync('/proc').flatMap((name) => {
    const pid = Number(name)
    // A process may end while it is looked at.
    const status = Number.isInteger(pid) ? statusOf(pid) : ''
    const cpus = allowedCpus(status)
    return cpus !== undefined && /^Name:\s*kdamond/m.test(status) ? [{ pid, cpus }] : []
  })
}

function statusOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/status`, 'utf8')
  } catch {
    return ''
  }
}

function move(pid: number, cpus: string): boolean {
  return spawnSync('taskset', ['-cp', cpus, String(pid)], { stdio: 'ignore' }).status === 0
}
