/** Git itself, cloning from and pushing to `git http-backend` over the raw route. */
import { execFile } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createGateway, type TestGateway } from '../support/gateway.ts'
import { startGitServer } from '../support/git-server.ts'
import { createRecorder } from '../support/recorder.ts'
import type { Upstream } from '../support/upstream.ts'
import { createCallKey, rawUrl, runAs } from '../support/vendor-sdk.ts'

const users = { ada: 'ada-password', grace: 'grace-password' }

const stack = new AsyncDisposableStack()
let origin: Upstream
let gateway: TestGateway
let key: string
let home: string
let bare: string
const connections: Record<string, string> = {}

beforeAll(async () => {
  const server = stack.use(await startGitServer(users))
  bare = await server.createRepository('project')
  origin = stack.use(await createRecorder(server.url))
  gateway = stack.use(await createGateway({ allow: [origin.host] }))
  await gateway.createIntegration({ slug: 'git', name: 'Git', baseUrl: origin.url, auth: [{ scheme: 'basic' }] })
  for (const [username, password] of Object.entries(users)) {
    const credential = { basic: { username, password } }
    connections[username] = await gateway.createConnection({ integration: 'git', endUserId: username, credential })
  }
  key = await createCallKey(gateway)
  home = await mkdtemp(join(tmpdir(), 'passgate-git-client-'))
  stack.defer(() => rm(home, { recursive: true, force: true }))
})

afterAll(async () => {
  await stack.disposeAsync()
})

/** Knows no configuration but its own, and asks nobody for a password. */
async function git(folder: string, ...args: string[]): Promise<string> {
  const env = {
    PATH: process.env.PATH,
    HOME: home,
    GIT_CONFIG_NOSYSTEM: '1',
    GIT_TERMINAL_PROMPT: '0',
    GIT_AUTHOR_NAME: 'Author',
    GIT_AUTHOR_EMAIL: 'author@example.com',
    GIT_COMMITTER_NAME: 'Committer',
    GIT_COMMITTER_EMAIL: 'committer@example.com',
  }
  const { stdout } = await promisify(execFile)('git', args, { cwd: folder, env, timeout: 25_000 })
  return stdout.trim()
}

const as = <Result>(user: keyof typeof users, run: (url: string) => Promise<Result>) => {
  const account = { authorization: `Basic ${Buffer.from(`${user}:${users[user]}`).toString('base64')}` }
  const connectionId = connections[user] ?? ''
  const linked = { gateway, vendor: origin, connectionId, account, key }
  return runAs(linked, () => run(`${rawUrl(gateway, connectionId)}/project.git`))
}

const withKey = () => ['-c', `http.extraHeader=Authorization: Bearer ${key}`]

/** A commit with a file that no compression makes smaller. */
async function commitFile(folder: string, name: string, bytes: number): Promise<Buffer> {
  const content = randomBytes(bytes)
  await writeFile(join(folder, name), content)
  await git(folder, 'add', name)
  await git(folder, 'commit', '--quiet', '-m', `Add ${name}`)
  return content
}

test('three megabytes are pushed by one account and cloned by another, and the server knows who pushed', async () => {
  const work = join(home, 'work')
  await git(home, 'init', '--quiet', '--initial-branch=main', work)
  const content = await commitFile(work, 'large.bin', 3 * 1024 * 1024)
  const pushed = await as('ada', url => git(work, ...withKey(), 'push', '--quiet', url, 'main'))
  // Larger than git's own buffer: it comes in chunks, of a length nobody said before.
  const pack = pushed.seen.find(({ method, body }) => method === 'POST' && body.length > content.length)
  expect(pack?.headers).toMatchObject({ 'transfer-encoding': 'chunked' })
  expect(pack?.headers['content-length']).toBeUndefined()
  expect(await readFile(join(bare, 'logs/refs/heads/main'), 'utf8')).toMatch(/ ada <ada@http\.[^>]+> /)

  const copy = join(home, 'copy')
  const cloned = await as('grace', url => git(home, ...withKey(), 'clone', '--quiet', url, copy))
  expect((await readFile(join(copy, 'large.bin'))).equals(content)).toBe(true)
  expect(await git(copy, 'rev-parse', 'HEAD')).toBe(await git(work, 'rev-parse', 'HEAD'))
  expect(cloned.seen.every(({ headers }) => headers['git-protocol'] === 'version=2')).toBe(true)
  await git(copy, 'fsck', '--strict')
})

test('a fetch and a push from the clone go the same way', async () => {
  const [work, copy] = [join(home, 'work'), join(home, 'copy')]
  await commitFile(copy, 'small.txt', 10)
  await as('grace', url => git(copy, ...withKey(), 'push', '--quiet', url, 'main'))
  await as('ada', url => git(work, ...withKey(), 'pull', '--quiet', '--ff-only', url, 'main'))
  expect(await git(work, 'rev-parse', 'HEAD')).toBe(await git(copy, 'rev-parse', 'HEAD'))
  expect(await readFile(join(bare, 'logs/refs/heads/main'), 'utf8')).toMatch(/ grace <grace@http\.[^>]+> /)
})

test('without the key nothing is sent', async () => {
  const before = origin.seen.length
  const url = `${rawUrl(gateway, connections.ada ?? '')}/project.git`
  await expect(git(home, 'ls-remote', url)).rejects.toThrow(/could not read Username|Authentication failed/)
  expect(origin.seen.length).toBe(before)
})

test.each([
  ['user', () => `${key}:x`],
  ['password', () => `x-access-token:${key}`],
])('the key works as the %s of the URL', async (_, credentials) => {
  const { result } = await as('ada', url => git(home, 'ls-remote', url.replace('//', `//${credentials()}@`), 'main'))
  expect(result).toBe(`${await git(bare, 'rev-parse', 'main')}\trefs/heads/main`)
})
