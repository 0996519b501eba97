/** What works and what does not, and since when. Reasons are for the operator and hold nothing secret. */
export interface Health {
  fail(component: string, reason: string): void
  recover(component: string): void
  /** It works, and somebody should look all the same: what others do must not take this server out of service. */
  warn(component: string, warning: string): void
  /** False before the service has started and from the moment it is told to stop. */
  setAccepting(accepting: boolean): void
  report(): HealthReport
}

export interface HealthReport {
  /** Every component works. */
  readonly ok: boolean
  /** `ok`, and requests are being taken. */
  readonly ready: boolean
  readonly components: Readonly<Record<string, ComponentHealth>>
}

export type ComponentHealth =
  | { readonly ok: true; readonly warning?: string; readonly since?: string }
  | { readonly ok: false; readonly reason: string; readonly since: string }

export interface HealthDeps {
  readonly clock: { now(): number }
  readonly log?: {
    info(fields: Readonly<Record<string, unknown>>, message: string): void
    error(fields: Readonly<Record<string, unknown>>, message: string): void
  }
}

/** Components come into being when they first fail or recover; a change of state is one line in the log. */
export function createHealth({ clock, log }: HealthDeps): Health {
  const components = new Map<string, ComponentHealth>()
  let accepting = false
  return {
    fail(component, reason) {
      const before = components.get(component)
      const since = before?.ok === false ? before.since : new Date(clock.now()).toISOString()
      components.set(component, { ok: false, reason, since })
      if (before?.ok !== false || before.reason !== reason) log?.error({ component, reason }, 'failing')
    },
    recover(component) {
      const before = components.get(component)
      components.set(component, { ok: true })
      if (before?.ok === false) log?.info({ component, failedSince: before.since }, 'recovered')
    },
    warn(component, warning) {
      const before = components.get(component)
      const known = before?.ok === true && before.warning !== undefined ? before.since : undefined
      components.set(component, { ok: true, warning, since: known ?? new Date(clock.now()).toISOString() })
    },
    setAccepting(value) {
      accepting = value
    },
    report() {
      let ok = true
      for (const component of components.values()) ok &&= component.ok
      return { ok, ready: ok && accepting, components: Object.fromEntries(components) }
    },
  }
}
