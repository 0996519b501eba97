import { spawnSync } from 'node:child_process'
import { existsSync, readdirSync } from 'node:fs'
import { SetupError } from './root.mjs'

/** Debian's packages that the system tests use, and how each shows that it is there. */
const packages = [
  { name: 'awscli', present: () => existsSync('/usr/bin/aws') },
  { name: 'python3-boto3', present: () => python('boto3') },
  { name: 'python3-cryptography', present: () => python('cryptography') },
  { name: 'python3-cryptography-vectors', present: () => python('cryptography_vectors') },
  { name: 'postgresql', present: hasPostgres },
  { name: 'strace', present: () => existsSync('/usr/bin/strace') },
  { name: 'openssl', present: () => existsSync('/usr/bin/openssl') },
]

/** @throws {SetupError} which says the one line that installs what is missing */
export function requireSystemPrograms() {
  const missing = packages.filter(({ present }) => !present()).map(({ name }) => name)
  if (missing.length === 0) return
  throw new SetupError(
    `the system tests need programs that are missing: apt-get install -y ${missing.join(' ')}`,
  )
}

/** @param {string} module */
function python(module) {
  return spawnSync('/usr/bin/python3', ['-c', `import ${module}`], { stdio: 'ignore' }).status === 0
}

function hasPostgres() {
  const versions = '/usr/lib/postgresql'
  if (!existsSync(versions)) return false
  return readdirSync(versions).some((version) => existsSync(`${versions}/${version}/bin/initdb`))
}
