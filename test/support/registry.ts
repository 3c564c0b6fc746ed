/** A package registry as companies run it: Verdaccio with accounts of its own and no registry behind it. */
import { createHash } from 'node:crypto'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import type { Server } from 'node:http'
import { createRequire } from 'node:module'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

export interface Registry extends AsyncDisposable {
  readonly url: string
}

interface Verdaccio {
  runServer(configuration: object): Promise<Server>
}

const load = createRequire(join(import.meta.dirname, '../vendors/package.json'))

/** @param users names and passwords; nobody else may read or publish */
export async function startRegistry(users: Readonly<Record<string, string>>): Promise<Registry> {
  const { runServer } = load('verdaccio') as Verdaccio
  const folder = await mkdtemp(join(tmpdir(), 'passgate-registry-'))
  const lines = Object.entries(users).map(([name, password]) => `${name}:{SHA}${sha1(password)}`)
  await writeFile(join(folder, 'htpasswd'), `${lines.join('\n')}\n`)
  const server = await runServer({
    configPath: join(folder, 'config.yaml'),
    self_path: join(folder, 'config.yaml'),
    storage: join(folder, 'storage'),
    auth: { htpasswd: { file: join(folder, 'htpasswd'), max_users: -1 } },
    uplinks: {},
    packages: { '**': { access: '$authenticated', publish: '$authenticated' } },
    web: { enable: false },
    log: { type: 'stdout', format: 'json', level: 'fatal' },
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      await new Promise(resolve => server.close(resolve))
      await rm(folder, { recursive: true, force: true })
    },
  }
}

function sha1(text: string): string {
  return createHash('sha1').update(text).digest('base64')
}
