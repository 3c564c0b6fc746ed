/** Octokit on both routes: only its base URL and its token are changed, and it never meets GitHub by itself. */
import { afterAll, beforeAll, expect, test } from 'vitest'
import { startEmulators } from '../support/emulate.ts'
import { adminKey, createGateway, type TestGateway } from '../support/gateway.ts'
import { createRecorder, expectAccount, findLeaks } from '../support/recorder.ts'
import type { Recorded, Upstream } from '../support/upstream.ts'
import { configure, countCalls, createCallKey, loadSdk, rawUrl, rootUrl } from '../support/vendor-sdk.ts'

interface Issue {
  readonly number: number
  readonly title: string
  readonly user: { readonly login: string }
}

interface Answer<Data> {
  readonly status: number
  readonly url: string
  readonly headers: Readonly<Record<string, string>>
  readonly data: Data
}

type Call<Data> = (parameters: object) => Promise<Answer<Data>>

interface OctokitClient {
  request<Data>(route: string, parameters: object): Promise<Answer<Data>>
  readonly paginate: ((method: Call<Issue[]>, parameters: object) => Promise<Issue[]>) & {
    iterator(method: Call<Issue[]>, parameters: object): AsyncIterable<Answer<Issue[]>>
  }
  readonly rest: {
    readonly issues: { readonly create: Call<Issue>; readonly listForRepo: Call<Issue[]>; readonly get: Call<Issue> }
    readonly users: { getAuthenticated(): Promise<Answer<{ login: string }>> }
    readonly repos: {
      readonly createRelease: Call<{ id: number }>
      readonly createOrUpdateFileContents: Call<{ content: { path: string } }>
      readonly getContent: Call<{ content: string; encoding: BufferEncoding }>
    }
  }
}

interface OctokitOptions {
  readonly baseUrl: string
  readonly auth: string
  /** Its warnings are for a terminal. */
  readonly log: object
}

const { Octokit } = loadSdk<{ Octokit: new (options: OctokitOptions) => OctokitClient }>('@octokit/rest')

/** To a token it does not know the emulator answers as its first user. */
const seed = {
  tokens: {
    ghp_octocat: { login: 'octocat', scopes: ['repo', 'user'] },
    ghp_hubot: { login: 'hubot', scopes: ['repo', 'user'] },
  },
  github: {
    users: [{ login: 'nobody' }, { login: 'octocat' }, { login: 'hubot' }],
    repos: [{ owner: 'octocat', name: 'hello-world', auto_init: true }],
  },
}
const repo = { owner: 'octocat', repo: 'hello-world' }
const titles = ['One', 'Two', 'Three', 'Four', 'Five', 'Six', 'Seven']

const stack = new AsyncDisposableStack()
let github: Upstream
/** The same server by another name, as GitHub's is for files. */
let uploads: Upstream
let gateway: TestGateway
let key: string
let octocat: string
let hubot: string

beforeAll(async () => {
  const emulators = stack.use(await startEmulators(seed))
  github = stack.use(await createRecorder(emulators.github.url))
  uploads = stack.use(await createRecorder(emulators.github.url))
  const hosts = [github.host, uploads.host]
  gateway = stack.use(await createGateway({ allow: hosts, env: { PASSGATE_ROOT_PORT: '0' } }))
  await configure(gateway, { slug: 'github', baseUrl: github.url, hosts })
  const connect = (endUserId: string, token: string) =>
    gateway.createConnection({ integration: 'github', endUserId, credential: { bearer: { token } } })
  octocat = await connect('octocat', 'ghp_octocat')
  hubot = await connect('hubot', 'ghp_hubot')
  key = await createCallKey(gateway)
  for (const title of titles) await octokit(octocat).rest.issues.create({ ...repo, title })
})

afterAll(async () => {
  await stack.disposeAsync()
})

const silent = { debug() {}, info() {}, warn() {}, error() {} }

function octokit(connectionId: string, auth = key): OctokitClient {
  return new Octokit({ baseUrl: rawUrl(gateway, connectionId), auth, log: silent })
}

/** What reached GitHub meanwhile, from whomever. */
async function watch<Result>(run: () => Promise<Result>): Promise<{ result: Result; seen: readonly Recorded[] }> {
  const before = github.seen.length
  return { result: await run(), seen: github.seen.slice(before) }
}

test('two connections are two users to the same client', async () => {
  const { result, seen } = await watch(() =>
    Promise.all([octocat, hubot].map(id => octokit(id).rest.users.getAuthenticated())),
  )
  expect(result.map(({ status, data }) => [status, data.login])).toEqual([
    [200, 'octocat'],
    [200, 'hubot'],
  ])
  expect(seen.map(({ headers }) => headers.authorization).sort()).toEqual(['Bearer ghp_hubot', 'Bearer ghp_octocat'])
  expect(findLeaks(seen, [key, adminKey])).toEqual([])
})

test('paginate reads every page through the gateway', async () => {
  const calls = await countCalls(gateway, octocat)
  const { result, seen } = await watch(() => {
    const { paginate, rest } = octokit(octocat)
    return paginate(rest.issues.listForRepo, { ...repo, per_page: 2, sort: 'created', direction: 'asc' })
  })
  expect(result.map(({ title }) => title)).toEqual(titles)
  expect(seen.map(({ url }) => new URL(url, github.url).searchParams.get('page'))).toEqual([null, '2', '3', '4'])
  expectAccount(seen, { authorization: 'Bearer ghp_octocat' }, [key, adminKey])
  // Nobody but the gateway came.
  expect((await countCalls(gateway, octocat)) - calls).toBe(seen.length)
})

test('paginate by an iterator shows the pages where the client finds them', async () => {
  const { result: pages, seen } = await watch(async () => {
    const { paginate, rest } = octokit(hubot)
    const parameters = { ...repo, per_page: 3, sort: 'created', direction: 'asc' }
    const found: Answer<Issue[]>[] = []
    for await (const page of paginate.iterator(rest.issues.listForRepo, parameters)) found.push(page)
    return found
  })
  expect(pages.map(({ data }) => data.length)).toEqual([3, 3, 1])
  for (const { url, headers } of pages) {
    expect(url).toMatch(`${rawUrl(gateway, hubot)}/repos/`)
    expect(headers.link).toContain(`<${rawUrl(gateway, hubot)}/repos/octocat/hello-world/issues?`)
    expect(headers.link).not.toContain(github.host)
  }
  expectAccount(seen, { authorization: 'Bearer ghp_hubot' }, [key, adminKey])
})

test('without the rewriting the same client does carry the key to GitHub, and these tests see it', async () => {
  const calls = await countCalls(gateway, octocat)
  const { result, seen } = await watch(() => {
    const { paginate, rest } = octokit(octocat)
    const headers = { 'x-passgate-rewrite': 'off' }
    return paginate(rest.issues.listForRepo, { ...repo, per_page: 4, headers })
  })
  expect(result).toHaveLength(titles.length)
  expect(seen).toHaveLength(2)
  expect((await countCalls(gateway, octocat)) - calls).toBe(1)
  expect(findLeaks(seen, [key])).toEqual([`GET ${seen[1]?.url}`])
})

test('a write is done in the name of the connection’s user', async () => {
  const { result, seen } = await watch(async () => {
    const { issues } = octokit(hubot).rest
    const created = await issues.create({ ...repo, title: 'Ünïcode & more', body: 'x' })
    return [created, await issues.get({ ...repo, issue_number: created.data.number })]
  })
  expect(result.map(({ status, data }) => [status, data.title, data.user.login])).toEqual([
    [201, 'Ünïcode & more', 'hubot'],
    [200, 'Ünïcode & more', 'hubot'],
  ])
  expectAccount(seen, { authorization: 'Bearer ghp_hubot' }, [key, adminKey])
})

test('a file comes back as it was written', async () => {
  const content = Buffer.from('a\u0000b\r\n€\n')
  const { result, seen } = await watch(async () => {
    const { repos } = octokit(octocat).rest
    const path = 'docs/a file.bin'
    await repos.createOrUpdateFileContents({ ...repo, path, message: 'add', content: content.toString('base64') })
    return await repos.getContent({ ...repo, path })
  })
  expect(Buffer.from(result.data.content, result.data.encoding)).toEqual(content)
  expectAccount(seen, { authorization: 'Bearer ghp_octocat' }, [key, adminKey])
})

test('on the root listener paginate stays there too, with a key that is bound to the connection', async () => {
  const bound = await createCallKey(gateway, octocat)
  const baseUrl = rootUrl(gateway).href.replace(/\/$/, '')
  const { result: pages, seen } = await watch(async () => {
    const { paginate, rest } = new Octokit({ baseUrl, auth: bound, log: silent })
    const found: Answer<Issue[]>[] = []
    for await (const page of paginate.iterator(rest.issues.listForRepo, { ...repo, per_page: 2 })) found.push(page)
    return found
  })
  expect(pages.length).toBeGreaterThan(3)
  expect(pages.filter(({ url }) => !url.startsWith(`${baseUrl}/repos/octocat/hello-world/issues`))).toEqual([])
  expect(pages[0]?.headers.link).toContain(`<${baseUrl}/repos/`)
  expect(seen).toHaveLength(pages.length)
  expectAccount(seen, { authorization: 'Bearer ghp_octocat' }, [bound, adminKey])
})

/** The client's own method for it has GitHub's second host written into it, and would take the key there. */
test('a file goes to the vendor’s other host by __domain', async () => {
  const data = Buffer.from([0, 1, 2, 255, 13, 10])
  const { result } = await watch(async () => {
    const release = await octokit(octocat).rest.repos.createRelease({ ...repo, tag_name: 'v1' })
    const route = 'POST /repos/{owner}/{repo}/releases/{release_id}/assets{?name,__domain}'
    const headers = { 'content-type': 'application/x-thing' }
    const file = { ...repo, release_id: release.data.id, name: 'a b.bin', __domain: uploads.host, headers, data }
    return await octokit(octocat).request<object>(route, file)
  })
  expect(result).toMatchObject({
    status: 201,
    data: { name: 'a b.bin', size: 6, content_type: 'application/x-thing' },
  })
  expect(uploads.seen).toHaveLength(1)
  expect(uploads.seen[0]?.url).toMatch(/\/assets\?name=a%20b\.bin$/)
  expect(uploads.seen[0]?.body.equals(data)).toBe(true)
  expectAccount(uploads.seen, { authorization: 'Bearer ghp_octocat' }, [key, adminKey])
})

test('the vendor’s 404 is an error of the client’s own kind', async () => {
  const failure = octokit(octocat).rest.issues.get({ ...repo, issue_number: 999 })
  const message = expect.stringMatching(/^Not Found/)
  await expect(failure).rejects.toMatchObject({ name: 'HttpError', status: 404, message })
})

test('a refusal of the gateway is an error that says so', async () => {
  const { seen } = await watch(() =>
    expect(octokit(octocat, 'pgk_wrong').rest.users.getAuthenticated()).rejects.toMatchObject({
      status: 401,
      response: { headers: { 'x-passgate-error': 'UNAUTHENTICATED' } },
    }),
  )
  expect(seen).toEqual([])
})
