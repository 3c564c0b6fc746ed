/** npm itself, publishing to and installing from a registry over the raw route. */
import { execFile } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createGateway, type TestGateway } from '../support/gateway.ts'
import { createRecorder } from '../support/recorder.ts'
import { startRegistry } from '../support/registry.ts'
import type { Upstream } from '../support/upstream.ts'
import { createCallKey, rawUrl, runAs } from '../support/vendor-sdk.ts'

const users = { ada: 'ada-password', grace: 'grace-password' }

const stack = new AsyncDisposableStack()
let registry: Upstream
let gateway: TestGateway
let key: string
let home: string
const connections: Record<string, string> = {}

beforeAll(async () => {
  const server = stack.use(await startRegistry(users))
  registry = stack.use(await createRecorder(server.url))
  gateway = stack.use(await createGateway({ allow: [registry.host] }))
  const auth = [{ scheme: 'basic' }]
  await gateway.createIntegration({ slug: 'registry', name: 'Registry', baseUrl: registry.url, auth })
  for (const [username, password] of Object.entries(users)) {
    const credential = { basic: { username, password } }
    connections[username] = await gateway.createConnection({ integration: 'registry', endUserId: username, credential })
  }
  key = await createCallKey(gateway)
  home = await mkdtemp(join(tmpdir(), 'passgate-npm-'))
  stack.defer(() => rm(home, { recursive: true, force: true }))
})

afterAll(async () => {
  await stack.disposeAsync()
})

/** Knows no configuration but its own. @returns what it prints */
async function npm(user: string, folder: string, ...args: string[]): Promise<string> {
  const base = `${rawUrl(gateway, connections[user] ?? '')}/`
  const npmrc = join(home, `${user}.npmrc`)
  const lines = [`registry=${base}`, `${base.replace('http:', '')}:_authToken=${key}`]
  // A package's own address stands in a body: npm puts the registry's in its place when it is told so.
  lines.push('replace-registry-host=always', `cache=${join(home, user)}`, 'fetch-retries=0')
  lines.push('audit=false', 'fund=false', 'update-notifier=false')
  await writeFile(npmrc, lines.join('\n'))
  const env = {
    PATH: process.env.PATH,
    HOME: home,
    npm_config_userconfig: npmrc,
    npm_config_globalconfig: join(home, 'none'),
  }
  const { stdout } = await promisify(execFile)('npm', args, { cwd: folder, env, timeout: 28_000 })
  return stdout.trim()
}

const as = <Result>(user: keyof typeof users, run: () => Promise<Result>) => {
  const account = { authorization: `Basic ${Buffer.from(`${user}:${users[user]}`).toString('base64')}` }
  return runAs({ gateway, vendor: registry, connectionId: connections[user] ?? '', account, key }, run)
}

async function createPackage(name: string, files: Record<string, string | Buffer>): Promise<string> {
  const folder = join(home, name.replace('/', '-'))
  await mkdir(folder, { recursive: true })
  const all = { 'package.json': JSON.stringify({ name, version: '1.0.0', license: 'MIT' }), ...files }
  for (const [file, content] of Object.entries(all)) await writeFile(join(folder, file), content)
  return folder
}

test.each(['ada', 'grace'] as const)('npm whoami says %s', async user => {
  expect((await as(user, () => npm(user, home, 'whoami'))).result).toBe(user)
})

test('a package is published by one account and installed by another, byte for byte', async () => {
  const content = randomBytes(200_000)
  const source = await createPackage('@acme/thing', { 'data.bin': content, 'index.js': 'module.exports = 7\n' })
  const published = await as('ada', () => npm('ada', source, 'publish', '--access', 'public'))
  expect(published.result).toBe('+ @acme/thing@1.0.0')
  // npm writes `@acme%2fthing`: a whole path in one encoded segment, which the route decodes and registries read as the same.
  expect(published.seen.map(({ method, url }) => `${method} ${url}`)).toContain('PUT /@acme/thing')

  const project = await createPackage('project', {})
  const installed = await as('grace', () => npm('grace', project, 'install', '@acme/thing', '--json'))
  expect(JSON.parse(installed.result)).toMatchObject({ added: 1 })
  expect((await readFile(join(project, 'node_modules/@acme/thing/data.bin'))).equals(content)).toBe(true)
  expect(installed.seen.map(({ url }) => url)).toContainEqual(expect.stringMatching(/\/thing-1\.0\.0\.tgz$/))
})

test('a package that is not there is npm’s own 404', async () => {
  const { result } = await as('ada', () => npm('ada', home, 'view', 'no-such-package').catch((error: Error) => error))
  expect(result).toMatchObject({ stderr: expect.stringContaining('E404') })
})
