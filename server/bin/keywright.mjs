#!/usr/bin/env node
import { fileURLToPath } from 'node:url'
import { endLike, runChild } from '../../setup/child.mjs'
import { install } from '../../setup/install.mjs'
import { pinnedNode, serviceFlags } from '../../setup/node.mjs'
import { main } from '../../setup/root.mjs'

const cli = fileURLToPath(new URL('../src/cli/keywright.ts', import.meta.url))

await main(async () => {
  await install()
  endLike(await runChild(pinnedNode(), [...serviceFlags, cli, ...process.argv.slice(2)]))
})
