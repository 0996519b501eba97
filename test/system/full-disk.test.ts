import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { closeSync, mkdirSync, openSync, readFileSync, rmSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { after, describe, test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import type { KMS } from '@aws-sdk/client-kms'
import { importMaterial, newImportable } from '../imported-material.ts'
import { kmsClient, newKey } from '../kms-client.ts'
import { newSet, replicated, settled } from '../multi-region-set.ts'
import {
  clockAhead,
  runKeywright,
  startServer,
  temporaryFolder,
  type ServerProcess,
} from '../server-process.ts'
import { readJournalFiles, readStoredChanges, requireWholeJournal } from './journal-records.ts'
import { createWorkload } from './workload.ts'

function root(...command: string[]): void {
  const [file = '', ...args] = process.getuid?.() === 0 ? command : ['sudo', '-n', ...command]
  execFileSync(file, args, { stdio: ['ignore', 'ignore', 'pipe'] })
}

/** A small disk of its own. Making one needs root, or sudo without a password. */
const disk = join(temporaryFolder(), 'disk')
mkdirSync(disk)
root('mount', '-t', 'tmpfs', '-o', `size=24m,mode=0700,uid=${process.getuid?.()}`, 'tmpfs', disk)
after(() => {
  root('umount', '--lazy', disk)
})

/** How a disk is made to fail while a server runs, and how it is mended. */
interface Trouble {
  readonly dataDir: string
  begin(server: ServerProcess): void
  end(server: ServerProcess): void
}

const ballast = join(disk, 'ballast')
const troubles: Record<string, Trouble> = {
  'a full disk': {
    dataDir: join(disk, 'data'),
    begin() {
      const file = openSync(ballast, 'w')
      // Whole pages first, then bytes: not one is left.
      for (const lengthBytes of [2 ** 20, 4096, 1]) {
        try {
          for (;;) writeSync(file, Buffer.alloc(lengthBytes))
        } catch (error) {
          assert.equal((error as NodeJS.ErrnoException).code, 'ENOSPC')
        }
      }
      closeSync(file)
    },
    end() {
      rmSync(ballast)
    },
  },
  'a limit on the length of files': {
    dataDir: join(temporaryFolder(), 'data'),
    begin: (server) => limitFiles(server, '1'),
    end: (server) => limitFiles(server, 'unlimited'),
  },
}

/** The soft limit: the hard one could not be raised again. Node ignores the signal, so that writes fail with EFBIG. */
function limitFiles({ dataDir }: ServerProcess, bytes: string): void {
  const pid = readFileSync(join(dataDir, 'keywright.pid'), 'utf8').trim()
  execFileSync('/usr/bin/prlimit', ['--pid', pid, `--fsize=${bytes}:`])
}

async function health(server: ServerProcess): Promise<number> {
  return (await fetch(`${server.url}/-/health`)).status
}

async function until(what: string, holds: () => Promise<boolean>): Promise<void> {
  const endMs = Date.now() + 60_000
  while (!(await holds())) {
    if (Date.now() > endMs) throw new Error(`it took more than a minute until ${what}`)
    await delay(50)
  }
}

/** How long the disk has to fail before a deletion is due that a server finds when it starts. */
const DUE_AFTER_MS = 12_000

async function isMissing(kms: KMS, KeyId: string): Promise<boolean> {
  return await kms.describeKey({ KeyId }).then(
    () => false,
    ({ name }: Error) => name === 'NotFoundException',
  )
}

/** Not 0 as long as files may still hold what was erased. */
function erasureMark(dataDir: string): unknown {
  const database = new DatabaseSync(join(dataDir, 'keywright.db'), { readOnly: true })
  try {
    return database.prepare('pragma user_version').get()?.['user_version']
  } finally {
    database.close()
  }
}

for (const [name, trouble] of Object.entries(troubles)) {
  describe(name, () => {
    const { dataDir } = trouble

    test('refuses every request and turns health red; once it is gone the server goes on by itself', async () => {
      const server = await startServer({ dataDir })
      const kms = kmsClient(server)
      const KeyId = (await kms.createKey({})).KeyMetadata?.KeyId as string
      const Plaintext = Buffer.from('x')
      const { CiphertextBlob } = await kms.encrypt({ KeyId, Plaintext })
      assert.equal(await health(server), 200)

      trouble.begin(server)
      const requests = {
        encrypt: () => kms.encrypt({ KeyId, Plaintext }),
        decrypt: () => kms.decrypt({ CiphertextBlob }),
        describeKey: () => kms.describeKey({ KeyId }),
        listKeys: () => kms.listKeys({}),
        refused: () => kms.encrypt({ KeyId: 'alias/missing', Plaintext }),
        createKey: () => kms.createKey({}),
        disableKey: () => kms.disableKey({ KeyId }),
      }
      for (let round = 0; round < 3; round += 1) {
        for (const [request, send] of Object.entries(requests)) {
          await assert.rejects(send, (error: { name: string; $metadata: { httpStatusCode: number } }) => {
            assert.equal(error.name, 'KMSInternalException', request)
            assert.equal(error.$metadata.httpStatusCode, 500)
            return true
          })
        }
        assert.equal(await health(server), 503)
      }

      trouble.end(server)
      await until('health is green', async () => (await health(server)) === 200)
      const opened = await kms.decrypt({ CiphertextBlob })
      assert.equal(opened.KeyId?.endsWith(KeyId), true)
      assert.equal((await kms.describeKey({ KeyId })).KeyMetadata?.KeyState, 'Enabled')
      assert.equal((await kms.listKeys({})).Keys?.length, 1)
      await kms.disableKey({ KeyId })
      kms.destroy()
      assert.equal(await server.stop(), 0)
      const verified = await runKeywright(['audit', 'verify'], { dataDir })
      assert.equal(verified.code, 0, verified.stdout + verified.stderr)
    })

    test('under load loses nothing acknowledged, and each change has one record', async (context) => {
      const server = await startServer({ dataDir })
      const workload = createWorkload()
      let state: 'before' | 'during' | 'after' = 'before'
      let answersAfter = 0
      const mended = (async () => {
        await until('the disk has failed', async () => state === 'during' && workload.refused.length >= 30)
        trouble.end(server)
        state = 'after'
      })()
      await workload.run([server], {
        clients: 8,
        enough: (answers) => {
          if (answers >= 100 && state === 'before') {
            trouble.begin(server)
            state = 'during'
          }
          if (state === 'after') answersAfter += 1
          return answersAfter >= 150
        },
        tolerate: /^KMSInternalException/,
      })
      await mended
      await workload.check(server)
      await until('health is green', async () => (await health(server)) === 200)
      assert.equal(await server.stop(), 0)

      const again = await startServer({ dataDir })
      await workload.check(again)
      assert.equal(await again.stop(), 0)
      requireWholeJournal(readJournalFiles(dataDir), readStoredChanges(dataDir), workload.acknowledged)
      const verified = await runKeywright(['audit', 'verify'], { dataDir })
      assert.equal(verified.code, 0, verified.stdout + verified.stderr)
      context.diagnostic(
        `${workload.acknowledged.size} answers, ${workload.refused.length} refused meanwhile`,
      )
    })

    test('lets nothing of the life of keys be half done, and lets what became due meanwhile happen afterwards', async () => {
      const settings = { dataDir, env: { KEYWRIGHT_CLOCK_JUMP_WAIT_MS: '0' } }
      const before = await startServer(settings)
      const early = kmsClient(before)
      const { id: doomed } = await newKey(early)
      const { DeletionDate = new Date(0) } = await early.scheduleKeyDeletion({
        KeyId: doomed,
        PendingWindowInDays: 7,
      })
      early.destroy()
      assert.equal(await before.stop(), 0)

      const clockAheadMs = DeletionDate.getTime() - Date.now() - DUE_AFTER_MS
      const server = await startServer({ ...settings, nodeArgs: clockAhead(clockAheadMs) })
      const dueAtMs = DeletionDate.getTime() - clockAheadMs
      const kms = kmsClient(server, { clockAheadMs })
      const away = kmsClient(server, { clockAheadMs, region: 'eu-west-1' })
      const keys = {
        rotated: (await newKey(kms)).id,
        replicated: (await newKey(kms, { MultiRegion: true })).id,
        moved: await newSet(kms, { 'eu-west-1': away }),
        filled: (await newKey(kms, { Origin: 'EXTERNAL' })).id,
        emptied: (await newKey(kms, { Origin: 'EXTERNAL' })).id,
        expiring: (await newKey(kms, { Origin: 'EXTERNAL' })).id,
        spent: (await newKey(kms, { Origin: 'EXTERNAL' })).id,
      }
      const emptied = await newImportable(kms, keys.emptied, 'SYMMETRIC_DEFAULT')
      const expiring = await newImportable(kms, keys.expiring, 'SYMMETRIC_DEFAULT')
      const filled = await newImportable(kms, keys.filled, 'SYMMETRIC_DEFAULT')
      await importMaterial(kms, emptied)
      await importMaterial(kms, await newImportable(kms, keys.spent, 'SYMMETRIC_DEFAULT'))
      const ValidTo = new Date(DeletionDate.getTime() + 500)
      await importMaterial(kms, expiring, { ValidTo })
      const sealed = await Promise.all(
        [keys.rotated, keys.replicated, keys.moved, keys.emptied].map((KeyId) =>
          kms.encrypt({ KeyId, Plaintext: Buffer.from(KeyId) }),
        ),
      )
      assert.ok(Date.now() < dueAtMs, 'the disk has to fail before the deletion is due')

      // Answered; the files are still being cleaned of it.
      await kms.deleteImportedKeyMaterial({ KeyId: keys.spent })
      trouble.begin(server)
      const changes = {
        rotate: () => kms.rotateKeyOnDemand({ KeyId: keys.rotated }),
        replicate: () => kms.replicateKey({ KeyId: keys.replicated, ReplicaRegion: 'eu-west-1' }),
        movePrimary: () => kms.updatePrimaryRegion({ KeyId: keys.moved, PrimaryRegion: 'eu-west-1' }),
        parameters: () => newImportable(kms, keys.filled, 'SYMMETRIC_DEFAULT'),
        import: () => importMaterial(kms, filled),
        deleteMaterial: () => kms.deleteImportedKeyMaterial({ KeyId: keys.emptied }),
        scheduleDeletion: () => kms.scheduleKeyDeletion({ KeyId: keys.rotated, PendingWindowInDays: 7 }),
        lastUsage: () => kms.getKeyLastUsage({ KeyId: keys.rotated }),
        listRotations: () => kms.listKeyRotations({ KeyId: keys.rotated }),
      }
      for (let round = 0; round < 3 || Date.now() < dueAtMs + 2_000; round += 1) {
        for (const [change, send] of Object.entries(changes)) {
          await assert.rejects(send, { name: 'KMSInternalException' }, change)
        }
        await delay(100)
      }

      trouble.end(server)
      await until('health is green', async () => (await health(server)) === 200)
      await until('the key is destroyed', async () => await isMissing(kms, doomed))
      const stateOf = async (KeyId: string) => (await kms.describeKey({ KeyId })).KeyMetadata?.KeyState
      await until('the material has expired', async () => (await stateOf(keys.expiring)) === 'PendingImport')
      for (const [at, KeyId] of [keys.rotated, keys.replicated, keys.moved, keys.emptied].entries()) {
        assert.equal(await stateOf(KeyId), 'Enabled')
        const { Plaintext } = await kms.decrypt({ CiphertextBlob: sealed[at]?.CiphertextBlob })
        assert.equal(Buffer.from(Plaintext ?? []).toString(), KeyId)
      }
      for (const KeyId of [keys.filled, keys.spent]) assert.equal(await stateOf(KeyId), 'PendingImport')
      assert.equal((await kms.listKeyRotations({ KeyId: keys.rotated })).Rotations?.length, 0)
      assert.equal(await isMissing(away, keys.replicated), true)
      const { KeyMetadata: moved } = await kms.describeKey({ KeyId: keys.moved })
      assert.equal(moved?.MultiRegionConfiguration?.MultiRegionKeyType, 'PRIMARY')

      await changes.rotate()
      await replicated(kms, away, { KeyId: keys.replicated, ReplicaRegion: 'eu-west-1' })
      await changes.movePrimary()
      await settled(kms, keys.moved)
      await changes.import()
      await changes.deleteMaterial()
      await importMaterial(kms, expiring)
      const { Rotations } = await kms.listKeyRotations({ KeyId: keys.rotated })
      assert.equal(Rotations?.length, 1)
      assert.equal(await stateOf(keys.filled), 'Enabled')
      assert.equal(await stateOf(keys.emptied), 'PendingImport')
      assert.equal(await stateOf(keys.expiring), 'Enabled')
      await until('what was deleted is out of the files', async () => erasureMark(dataDir) === 0)
      for (const client of [kms, away]) client.destroy()
      assert.equal(await server.stop(), 0)
      const verified = await runKeywright(['audit', 'verify'], { dataDir })
      assert.equal(verified.code, 0, verified.stdout + verified.stderr)
    })
  })
}
