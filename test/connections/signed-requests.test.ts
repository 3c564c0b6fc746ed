/** Requests that are signed one by one reach servers that recompute each signature from what they received. */
import { generateKeyPairSync } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { createGateway, type TestGateway } from '../support/gateway.ts'
import { type Answer, createUpstream, sendJson, type Upstream } from '../support/upstream.ts'
import { checkAws, checkOAuth1, formType, readOAuth1 } from './signature-checks.ts'

const read = `query($id: ID!, $path: String!, $query: JSONObject, $headers: JSONObject, $options: PassthroughOptions) {
  passthrough(connectionId: $id, path: $path, query: $query, headers: $headers, options: $options) { status attempts } }`
const write = `mutation($id: ID!, $path: String!, $method: HttpMethod!, $headers: JSONObject, $body: JSON, $options: PassthroughOptions) {
  passthrough(connectionId: $id, method: $method, path: $path, headers: $headers, body: $body, options: $options) { status attempts } }`
const explain = `query($id: ID!, $body: JSON) { explain(connectionId: $id, method: POST, path: "/a", body: $body) {
  allowed toCurl headers { name value } } }`
const create = 'mutation($i: CreateConnectionInput!) { createConnection(input: $i) { connection { id } } }'

async function open(upstream: Upstream, auth: object, more: object = {}): Promise<TestGateway> {
  const gateway = await createGateway({ allow: [upstream.host] })
  await gateway.createIntegration({ slug: 'acme', name: 'Acme', baseUrl: upstream.url, auth: [auth], ...more })
  return gateway
}

const connect = (gateway: TestGateway, credential: object) =>
  gateway.createConnection({ integration: 'acme', endUserId: 'ann', credential })

/** What creation says to a credential that cannot sign. */
async function refuse(gateway: TestGateway, credential: object) {
  const { errors, text } = await gateway.run(create, { i: { integration: 'acme', endUserId: 'ann', credential } })
  const [{ field } = {}] = (errors?.[0]?.extensions.details ?? []) as { field?: string }[]
  return { code: errors?.[0]?.extensions.code, field, text: text + gateway.log() }
}

describe('oauth1', () => {
  const secrets = { consumerKey: 'client 1', consumerSecret: 'canary-k&d=9/4', tokenSecret: 'canary-s 2%' }
  const { consumerKey, consumerSecret, tokenSecret } = secrets
  const oauth1 = { token: 't~1', tokenSecret, consumerKey, consumerSecret }
  const scheme = { scheme: 'oauth1', realm: 'acme' }

  /** Answers 200 to a good signature and 401 to any other. */
  const judge: Answer = (request, response) => {
    const isGood = checkOAuth1(request, secrets)?.oauth_token === 't~1'
    sendJson(response, {}, isGood ? 200 : 401)
  }

  test.each([
    ['/a', { query: { q: 'b c+d&e', tags: ['x', 'ä'], empty: '' } }],
    ['/a?x=%3D&y=1+2', { query: { x: "it's (2)*" } }],
    ['/files/{name}/{id}', { options: { pathParams: { name: "a b/c's", id: 7 } } }],
  ])('a GET of %s is signed with its query', async (path, more) => {
    await using vendor = await createUpstream(judge)
    await using gateway = await open(vendor, scheme)
    const id = await connect(gateway, { oauth1 })
    expect((await gateway.ask(read, { id, path, ...more })).passthrough).toEqual({ status: 200, attempts: 1 })
    expect(readOAuth1(vendor.seen[0] as never)?.realm).toBe('acme')
  })

  test.each([
    ['a form', { body: { status: 'Hello, Ladies + Gentlemen!', tag: ['a', 'b'] }, options: { bodyFormat: 'FORM' } }],
    ['a form that is written already', { body: 'a=1+2&b=%20&a=0', headers: { 'content-type': formType } }],
    ['JSON', { body: { a: 1, 'b=c': [2] } }],
    ['no body', {}],
  ])('a POST of %s is signed', async (_, more) => {
    await using vendor = await createUpstream(judge)
    await using gateway = await open(vendor, scheme)
    const id = await connect(gateway, { oauth1 })
    const { passthrough } = await gateway.ask(write, { id, path: '/a?v=2', method: 'POST', ...more })
    expect(passthrough).toEqual({ status: 200, attempts: 1 })
  })

  test('every attempt is signed anew: no nonce is used twice', async () => {
    let count = 0
    await using vendor = await createUpstream((request, response, raw) => {
      count += 1
      if (count % 2 === 0) return judge(request, response, raw)
      response.writeHead(503, { 'retry-after': '1' }).end()
    })
    await using gateway = await open(vendor, scheme)
    const id = await connect(gateway, { oauth1 })
    for (let round = 0; round < 2; round += 1) {
      const answer = await gateway.ask(read, { id, path: '/a', options: { retries: 2 } })
      expect(answer.passthrough).toEqual({ status: 200, attempts: 2 })
    }
    const sent = vendor.seen.map(request => checkOAuth1(request, secrets))
    expect(new Set(sent.map(parameters => parameters?.oauth_nonce)).size).toBe(4)
    const [first, second] = sent.map(parameters => Number(parameters?.oauth_timestamp))
    // The vendor asked for a second's pause.
    expect(second).toBeGreaterThan(first ?? Number.NaN)
  })

  test('a redirect inside the pins is signed for where it leads, and is shown when it leads outside', async () => {
    await using second = await createUpstream(judge)
    await using vendor = await createUpstream((request, response, raw) => {
      if (request.url === '/away') return void response.writeHead(302, { location: 'https://example.com/' }).end()
      if (request.url !== '/moved') return judge(request, response, raw)
      response.writeHead(307, { location: `${second.url}/new?at=1+2` }).end()
    })
    await using gateway = await createGateway({ allow: [vendor.host, second.host] })
    const hosts = [vendor.host, second.host]
    await gateway.createIntegration({ slug: 'acme', name: 'Acme', baseUrl: vendor.url, hosts, auth: [scheme] })
    const id = await connect(gateway, { oauth1 })
    expect((await gateway.ask(read, { id, path: '/moved' })).passthrough.status).toBe(200)
    expect(second.seen).toHaveLength(1)
    const nonces = [...vendor.seen, ...second.seen].map(request => checkOAuth1(request, secrets)?.oauth_nonce)
    expect(new Set(nonces).size).toBe(2)
    expect((await gateway.ask(read, { id, path: '/away' })).passthrough.status).toBe(302)
  })

  test('RSA-SHA1 is signed with the key of the account, and with the workspace’s own where it has none', async () => {
    const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
    const pem = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString()
    await using vendor = await createUpstream((request, response) => {
      const isGood = checkOAuth1(request, { ...secrets, publicKey }) !== undefined
      sendJson(response, {}, isGood ? 200 : 401)
    })
    await using gateway = await open(vendor, { scheme: 'oauth1', signatureMethod: 'RSA-SHA1' })
    const own = await connect(gateway, { oauth1: { ...oauth1, consumerSecret: undefined, privateKey: pem } })
    expect((await gateway.ask(read, { id: own, path: '/a' })).passthrough.status).toBe(200)
    const configure =
      'mutation($i: ConfigureIntegrationInput!) { configureIntegration(input: $i) { integration { slug } } }'
    await gateway.ask(configure, { i: { slug: 'acme', oauthClient: { clientId: consumerKey, clientSecret: pem } } })
    const shared = await connect(gateway, { oauth1: { token: 't~1', tokenSecret } })
    expect((await gateway.ask(read, { id: shared, path: '/a' })).passthrough.status).toBe(200)
  })

  test('a key that cannot sign is refused by name, and not shown', async () => {
    await using vendor = await createUpstream(judge)
    await using gateway = await open(vendor, { scheme: 'oauth1', signatureMethod: 'RSA-SHA1' })
    const elliptic = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey
    const other = elliptic.export({ type: 'pkcs8', format: 'pem' }).toString()
    for (const privateKey of ['canary-no-key', other]) {
      const refused = await refuse(gateway, { oauth1: { ...oauth1, privateKey } })
      expect([refused.code, refused.field]).toEqual(['INVALID_INPUT', 'credential.oauth1.privateKey'])
      expect(refused.text).not.toMatch(/canary-|PRIVATE KEY/)
    }
    await using plain = await open(vendor, { scheme: 'oauth1' })
    const clientless = await refuse(plain, { oauth1: { token: 't', tokenSecret } })
    expect(clientless.code).toBe('INTEGRATION_NOT_CONFIGURED')
    expect(vendor.seen).toEqual([])
  })

  test('explain shows neither a signature nor a secret', async () => {
    await using vendor = await createUpstream(judge)
    await using gateway = await open(vendor, scheme)
    const id = await connect(gateway, { oauth1 })
    const { explain: plan } = await gateway.ask(explain, { id, body: { a: 1 } })
    expect(plan.allowed).toBe(true)
    expect(plan.headers).toContainEqual({ name: 'authorization', value: '***' })
    expect(plan.toCurl).toContain("-H 'authorization: ***'")
    expect(JSON.stringify(plan)).not.toMatch(/canary|oauth_|t~1|client 1/)
    await gateway.ask(read, { id, path: '/a' })
    expect(gateway.log()).not.toMatch(/canary|oauth_signature/)
    expect(vendor.seen).toHaveLength(1)
  })
})

describe('awsSigV4', () => {
  const account = { accessKeyId: 'AKIDEXAMPLE', secretAccessKey: 'canary-wJalrXUtnFEMI/K7' }
  const temporary = { ...account, sessionToken: 'canary-session/token+==' }
  const s3 = { scheme: 'awsSigV4', service: 's3', region: '{region}' }
  const api = { scheme: 'awsSigV4', service: 'execute-api', region: 'eu-west-1' }
  const regions = { config: { region: { title: 'Region', example: 'eu-west-1' } } }

  const judgeFor =
    (known: typeof account): Answer =>
    (request, response) => {
      checkAws(request, known).then(
        isGood => sendJson(response, {}, isGood ? 200 : 403),
        error => response.destroy(error),
      )
    }

  const openObjects = async (vendor: Upstream, credential: object) => {
    const gateway = await open(vendor, s3, regions)
    const config = { region: 'eu-central-1' }
    const input = { integration: 'acme', endUserId: 'ann', credential: { awsSigV4: credential }, config }
    return {
      gateway,
      id: await gateway.createConnection(input),
      [Symbol.asyncDispose]: () => gateway[Symbol.asyncDispose](),
    }
  }

  test.each([
    ['/bucket/plain.txt', {}],
    ['/bucket/{key}', { options: { pathParams: { key: "odd key+ü'(1)!*~.txt" } } }],
    ['/bucket//double//slash', {}],
    ['/bucket/a%2Fb%20c', {}],
    ['/', { query: { 'list-type': 2, prefix: 'a b/+c', 'start-after': "ü'()*" } }],
    ['/bucket?lifecycle', {}],
    ['/bucket/x', { headers: { range: 'bytes=0-9', 'x-amz-meta-note': 'a   b  c' } }],
  ])('s3: a read of %s %j is signed', async (path, more) => {
    await using vendor = await createUpstream(judgeFor(temporary))
    await using house = await openObjects(vendor, temporary)
    const answer = await house.gateway.ask(read, { id: house.id, path, ...more })
    expect(answer.passthrough).toEqual({ status: 200, attempts: 1 })
    expect(vendor.seen[0]?.headers.authorization).toContain('/eu-central-1/s3/aws4_request')
  })

  test('s3: a write is signed with its bytes, and the region is the account’s own', async () => {
    await using vendor = await createUpstream(judgeFor(account))
    await using house = await openObjects(vendor, account)
    const body = Buffer.from([0, 1, 255, 10]).toString('base64')
    const input = { id: house.id, path: '/b/k', method: 'PUT', body, options: { bodyFormat: 'BASE64' } }
    expect((await house.gateway.ask(write, input)).passthrough.status).toBe(200)
    expect(vendor.seen[0]?.body).toEqual(Buffer.from([0, 1, 255, 10]))
    expect(vendor.seen[0]?.headers).not.toHaveProperty('x-amz-security-token')
  })

  test.each([
    ['GET', '/stage//items/a%20b/%2A/', undefined],
    ['POST', '/stage/items?x=1&x=0&y=%2F', { name: 'Ünï', n: 1 }],
    ['DELETE', '/stage/items/1', undefined],
  ])('execute-api: %s %s is signed', async (method, path, body) => {
    await using vendor = await createUpstream(judgeFor(temporary))
    await using gateway = await open(vendor, api)
    const id = await connect(gateway, { awsSigV4: temporary })
    const { passthrough } = await gateway.ask(write, { id, path, method, body })
    expect(passthrough).toEqual({ status: 200, attempts: 1 })
  })

  test('a wrong secret is what the server finds, and each attempt has its own date', async () => {
    await using vendor = await createUpstream(judgeFor(account))
    await using gateway = await open(vendor, api)
    const id = await connect(gateway, { awsSigV4: { ...account, secretAccessKey: 'another' } })
    expect((await gateway.ask(read, { id, path: '/a' })).passthrough).toEqual({ status: 403, attempts: 1 })
    let count = 0
    await using slow = await createUpstream((request, response, raw) => {
      count += 1
      if (count > 1) return judgeFor(account)(request, response, raw)
      response.writeHead(503, { 'retry-after': '1' }).end()
    })
    await using other = await open(slow, api)
    const known = await connect(other, { awsSigV4: account })
    const answer = await other.ask(read, { id: known, path: '/a', options: { retries: 1 } })
    expect(answer.passthrough).toEqual({ status: 200, attempts: 2 })
    expect(new Set(slow.seen.map(({ headers }) => headers['x-amz-date'])).size).toBe(2)
  })

  test('a redirect inside the pins is signed for where it leads', async () => {
    await using second = await createUpstream(judgeFor(account))
    await using vendor = await createUpstream((_, response) => {
      response.writeHead(307, { location: `${second.url}/b/moved%20key?x=1` }).end()
    })
    await using gateway = await createGateway({ allow: [vendor.host, second.host] })
    const auth = [{ scheme: 'awsSigV4', service: 's3', region: 'eu-west-1' }]
    const hosts = [vendor.host, second.host]
    await gateway.createIntegration({ slug: 'acme', name: 'Acme', baseUrl: vendor.url, hosts, auth })
    const id = await connect(gateway, { awsSigV4: account })
    expect((await gateway.ask(read, { id, path: '/b/key' })).passthrough.status).toBe(200)
    expect(await checkAws(vendor.seen[0] as never, account)).toBe(true)
    expect(second.seen[0]?.headers.host).toBe(second.host)
  })

  test.each([
    [{ ...account, accessKeyId: 'AKID,Signature=1' }, 'credential.awsSigV4.accessKeyId'],
    [{ ...account, secretAccessKey: '' }, 'credential.awsSigV4.secretAccessKey'],
    [{ ...account, sessionToken: 'canary\nx: y' }, 'credential.awsSigV4.sessionToken'],
    [{ ...account, sessionToken: 'canary token' }, 'credential.awsSigV4.sessionToken'],
  ])('refuses a key that no header can carry (%#), and shows none of it', async (awsSigV4, field) => {
    await using vendor = await createUpstream()
    await using gateway = await open(vendor, api)
    const refused = await refuse(gateway, { awsSigV4 })
    expect([refused.code, refused.field]).toEqual(['INVALID_INPUT', field])
    expect(refused.text).not.toMatch(/canary|Signature=1/)
  })

  test('explain shows neither a signature nor a key', async () => {
    await using vendor = await createUpstream()
    await using gateway = await open(vendor, api)
    const id = await connect(gateway, { awsSigV4: temporary })
    const { explain: plan } = await gateway.ask(explain, { id, body: { a: 1 } })
    expect(plan.headers).toContainEqual({ name: 'authorization', value: '***' })
    expect(JSON.stringify(plan)).not.toMatch(/canary|AKIDEXAMPLE|Signature=|AWS4/)
    await gateway.ask(read, { id, path: '/a' })
    expect(gateway.log()).not.toMatch(/canary|Signature=/)
    expect(vendor.seen).toHaveLength(1)
  })
})
