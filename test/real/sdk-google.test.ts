/** Google’s client on the root listener: of its root URL it keeps the host alone, so its key says which connection. */
import { Readable } from 'node:stream'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { startEmulators } from '../support/emulate.ts'
import { createGateway, type TestGateway } from '../support/gateway.ts'
import { createRecorder } from '../support/recorder.ts'
import type { Upstream } from '../support/upstream.ts'
import { configure, createCallKey, loadSdk, rootUrl, runAs } from '../support/vendor-sdk.ts'

interface File {
  readonly id: string
  readonly name: string
  readonly mimeType: string
  readonly size?: string
}

interface DriveClient {
  readonly files: {
    list(request: object): Promise<{ data: { files: File[]; nextPageToken?: string } }>
    create(request: object, options: { rootUrl: string }): Promise<{ status: number; data: File }>
    update(request: object): Promise<{ data: File }>
    get<Data = File>(request: object, options?: object): Promise<{ data: Data }>
  }
}

interface Credentials {
  setCredentials(tokens: { access_token: string }): void
}

interface GoogleModule {
  readonly auth: { readonly OAuth2: new () => Credentials }
  drive(options: { version: 'v3'; auth: Credentials; rootUrl: string }): DriveClient
}

const google = loadSdk<GoogleModule>('@googleapis/drive')

const users = ['ada@example.com', 'grace@example.com']
const token = (email: string) => `ya29.${email.split('@')[0]}`
const namesOf = (email: string) => [1, 2, 3, 4, 5].map(at => `${email} ${at}.txt`)

const seed = {
  tokens: Object.fromEntries(users.map(email => [token(email), { login: email, scopes: [] }])),
  google: {
    users: [{ email: 'nobody@example.com' }, ...users.map(email => ({ email }))],
    drive_items: users.flatMap(email =>
      namesOf(email).map(name => ({ user_email: email, name, mime_type: 'text/plain', data: `I am ${name}` })),
    ),
  },
}

const stack = new AsyncDisposableStack()
let drive: Upstream
let gateway: TestGateway
/** Each bound to a connection of its own. */
const keys: Record<string, string> = {}
const connections: Record<string, string> = {}

beforeAll(async () => {
  const emulators = stack.use(await startEmulators(seed))
  drive = stack.use(await createRecorder(emulators.google.url))
  gateway = stack.use(await createGateway({ allow: [drive.host], env: { PASSGATE_ROOT_PORT: '0' } }))
  await configure(gateway, { slug: 'google-drive', baseUrl: drive.url })
  for (const email of users) {
    const credential = { bearer: { token: token(email) } }
    connections[email] = await gateway.createConnection({ integration: 'google-drive', endUserId: email, credential })
    keys[email] = await createCallKey(gateway, connections[email])
  }
})

afterAll(async () => {
  await stack.disposeAsync()
})

function client(key: string): DriveClient {
  const auth = new google.auth.OAuth2()
  auth.setCredentials({ access_token: key })
  return google.drive({ version: 'v3', auth, rootUrl: rootUrl(gateway).href })
}

const as = <Result>(email: string, run: (files: DriveClient['files']) => Promise<Result>) => {
  const [connectionId, key] = [connections[email] ?? '', keys[email] ?? '']
  const account = { authorization: `Bearer ${token(email)}` }
  return runAs({ gateway, vendor: drive, connectionId, account, key }, () => run(client(key).files))
}

test.each(users)('the key of %s reads every page of that drive', async email => {
  const { result, seen } = await as(email, async files => {
    const found: string[] = []
    let pageToken: string | undefined
    do {
      const { data } = await files.list({ pageSize: 2, pageToken, q: `name contains '.txt'`, orderBy: 'name' })
      found.push(...data.files.map(({ name }) => name))
      pageToken = data.nextPageToken
    } while (pageToken)
    return found
  })
  expect(result.filter(name => name.includes('@')).sort()).toEqual(namesOf(email))
  expect(seen.length).toBeGreaterThanOrEqual(3)
})

test('a file goes up as a stream and comes down byte for byte, for its owner alone', async () => {
  const [ada = '', grace = ''] = users
  const bytes = Buffer.from(Array.from({ length: 70_000 }, (_, at) => 32 + ((at * 31) % 90)))
  const { result, seen } = await as(ada, async files => {
    const media = { mimeType: 'text/plain', body: Readable.from([bytes.subarray(0, 1000), bytes.subarray(1000)]) }
    // The client's own root URL is not that of its uploads: without this they go to Google by themselves, key and all.
    const options = { rootUrl: rootUrl(gateway).href }
    const created = await files.create({ requestBody: { name: 'up.txt' }, media }, options)
    const fileId = created.data.id
    const renamed = await files.update({ fileId, requestBody: { name: 'other.txt' } })
    const content = await files.get<ArrayBuffer>({ fileId, alt: 'media' }, { responseType: 'arraybuffer' })
    return { created, renamed, content: Buffer.from(content.data) }
  })
  expect(result.created).toMatchObject({ status: 200, data: { name: 'up.txt', mimeType: 'text/plain' } })
  expect(result.renamed.data).toMatchObject({ id: result.created.data.id, name: 'other.txt' })
  expect(result.content.equals(bytes)).toBe(true)
  expect(seen.map(({ method, url }) => `${method} ${url.split('?')[0]}`)).toEqual([
    'POST /upload/drive/v3/files',
    `PATCH /drive/v3/files/${result.created.data.id}`,
    `GET /drive/v3/files/${result.created.data.id}`,
  ])
  await as(grace, async files => {
    const failure = files.get({ fileId: result.created.data.id })
    await expect(failure).rejects.toMatchObject({ status: 404, message: 'Requested entity was not found.' })
  })
})

test('a key that is bound to nothing is refused, and nothing is sent', async () => {
  const before = drive.seen.length
  const unbound = client(await createCallKey(gateway)).files.list({})
  const refusal = await unbound.catch((error: { status: number; response: { headers: Headers } }) => error)
  if (!('response' in refusal)) throw new Error('the gateway answered')
  expect([refusal.status, refusal.response.headers.get('x-passgate-error')]).toEqual([400, 'INVALID_INPUT'])
  expect(drive.seen.length).toBe(before)
})
