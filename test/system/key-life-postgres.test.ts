import { after, before } from 'node:test'
import { keyLifeSuite } from '../key-life/key-life.suite.ts'
import { startPostgres, type PostgresServer } from './postgres.ts'

let postgres: PostgresServer
before(async () => {
  postgres = await startPostgres()
})
after(() => postgres.remove())

keyLifeSuite(() => postgres.freshDatabase(), 12)
