import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { closeSync, mkdirSync, openSync, readFileSync, rmSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { after, describe, test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { kmsClient } from '../kms-client.ts'
import { runKeywright, startServer, temporaryFolder, type ServerProcess } from '../server-process.ts'
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
  })
}
