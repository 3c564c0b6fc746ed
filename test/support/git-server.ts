/** Git over HTTP as servers offer it: `git http-backend`, the CGI program of git itself, behind Basic authentication. */
import { type ChildProcessWithoutNullStreams, execFile, spawn } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'

export interface GitServer extends AsyncDisposable {
  readonly url: string
  /** Makes an empty repository, reached as `/{name}.git`. @returns its folder */
  createRepository(name: string): Promise<string>
}

const run = promisify(execFile)

/** @param users names and passwords; who pushes is written into the repository's own log under that name */
export async function startGitServer(users: Readonly<Record<string, string>>): Promise<GitServer> {
  const root = await mkdtemp(join(tmpdir(), 'passgate-git-'))
  const server = createServer((request, response) => {
    const user = readUser(request.headers.authorization, users)
    if (user !== undefined) return answerByCgi(request, response, root, user)
    request.resume()
    response.writeHead(401, { 'www-authenticate': 'Basic realm="git"' }).end('who are you?\n')
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  return {
    url: `http://127.0.0.1:${port}`,
    async createRepository(name) {
      const folder = join(root, `${name}.git`)
      await run('git', ['init', '--quiet', '--bare', '--initial-branch=main', folder])
      await run('git', ['-C', folder, 'config', 'core.logAllRefUpdates', 'always'])
      return folder
    },
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      await new Promise(resolve => server.close(resolve))
      await rm(root, { recursive: true, force: true })
    },
  }
}

function readUser(authorization: string | undefined, users: Readonly<Record<string, string>>): string | undefined {
  const text = Buffer.from(authorization?.replace(/^Basic /i, '') ?? '', 'base64').toString()
  return Object.keys(users).find(name => text === `${name}:${users[name]}`)
}

/** RFC 3875, as far as git-http-backend(1) reads it. */
function answerByCgi(request: IncomingMessage, response: ServerResponse, root: string, user: string): void {
  const { pathname, search } = new URL(request.url ?? '', 'http://git')
  const { headers } = request
  const env = {
    PATH: process.env.PATH,
    GIT_PROJECT_ROOT: root,
    GIT_HTTP_EXPORT_ALL: '1',
    // The repositories belong to whoever runs the tests.
    GIT_CONFIG_COUNT: '1',
    GIT_CONFIG_KEY_0: 'safe.directory',
    GIT_CONFIG_VALUE_0: '*',
    REMOTE_USER: user,
    REQUEST_METHOD: request.method,
    PATH_INFO: decodeURIComponent(pathname),
    QUERY_STRING: search.slice(1),
    CONTENT_TYPE: headers['content-type'] ?? '',
    CONTENT_LENGTH: headers['content-length'],
    HTTP_CONTENT_ENCODING: headers['content-encoding'],
    GIT_PROTOCOL: headers['git-protocol']?.toString(),
  }
  const child = spawn('git', ['http-backend'], { env })
  child.on('error', cause => response.destroy(new Error('Install the Debian package git.', { cause })))
  child.stdin.on('error', () => {})
  request.pipe(child.stdin)
  response.on('close', () => child.kill())
  void sendCgiAnswer(child, response)
}

/** A head of lines, an empty line, then the body as long as it comes. */
async function sendCgiAnswer({ stdout }: ChildProcessWithoutNullStreams, response: ServerResponse): Promise<void> {
  let head: Buffer | undefined = Buffer.alloc(0)
  for await (const chunk of stdout as AsyncIterable<Buffer>) {
    if (head === undefined) {
      response.write(chunk)
      continue
    }
    head = Buffer.concat([head, chunk])
    const end = head.indexOf('\r\n\r\n')
    if (end === -1) continue
    const fields = head
      .subarray(0, end)
      .toString('latin1')
      .split('\r\n')
      .map(line => line.split(/:\s*/, 2) as [string, string])
    const status = fields.find(([name]) => name === 'Status')?.[1] ?? '200'
    response.writeHead(Number.parseInt(status, 10), fields.filter(([name]) => name !== 'Status').flat())
    response.write(head.subarray(end + 4))
    head = undefined
  }
  if (head === undefined) response.end()
  else response.destroy()
}
