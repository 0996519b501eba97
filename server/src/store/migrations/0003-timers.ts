import type { Migration } from './migration.ts'

/** Which process runs the timers, and what time it was when it last did. */
export const timers: Migration = {
  number: 3,
  name: 'timers',
  tables: [
    {
      name: 'timer_runner',
      columns: {
        id: 'integer',
        holder: 'text?',
        held_until: 'integer?',
        seen_at: 'integer?',
        wait_until: 'integer?',
      },
      primaryKey: ['id'],
      rows: [{ id: 1 }],
    },
  ],
}
