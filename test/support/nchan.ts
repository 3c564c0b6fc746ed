/** nginx with nchan: a real server of endless event streams, which keeps what a subscriber missed. */
import { type ChildProcessByStdio, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import type { Readable, Writable } from 'node:stream'

export interface Nchan extends AsyncDisposable {
  readonly url: string
  /** `127.0.0.1:port`, as a pin and as an egress exemption. */
  readonly host: string
}

const nginxModule = '/usr/lib/nginx/modules/ngx_nchan_module.so'
/** Its standard input ends with this process, however this process ends; then nginx ends too. */
const endWithParent = 'nginx "$@" & child=$!; read -r _; kill "$child"; wait "$child"'

/** @param tokens bearer tokens and the channel of each: `GET /events` subscribes to it, `POST /messages` publishes there */
export async function startNchan(tokens: Readonly<Record<string, string>>): Promise<Nchan> {
  if (!existsSync(nginxModule)) throw new Error('Install the Debian packages nginx and libnginx-mod-nchan.')
  await using stack = new AsyncDisposableStack()
  const folder = await mkdtemp(join(tmpdir(), 'passgate-nchan-'))
  stack.defer(() => rm(folder, { recursive: true, force: true }))
  const host = `127.0.0.1:${await findFreePort()}`
  await writeFile(join(folder, 'nginx.conf'), writeConfiguration(folder, host, tokens))
  const env = { PATH: `${process.env.PATH}:/usr/sbin` }
  const args = ['-c', endWithParent, 'sh', '-p', folder, '-c', join(folder, 'nginx.conf'), '-e', 'stderr']
  const child = spawn('sh', args, { env, stdio: ['pipe', 'ignore', 'pipe'] })
  stack.defer(() => stop(child))
  await waitForStart(child)
  const owned = stack.move()
  return { url: `http://${host}`, host, [Symbol.asyncDispose]: () => owned.disposeAsync() }
}

function writeConfiguration(folder: string, host: string, tokens: Readonly<Record<string, string>>): string {
  const accounts = Object.entries(tokens).map(([token, channel]) => `"Bearer ${token}" ${channel};`)
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']
  return `
load_module ${nginxModule};
daemon off;
user root;
worker_processes 1;
pid ${folder}/nginx.pid;
error_log stderr notice;
events { worker_connections 64; }
http {
  access_log off;
  ${temporary.map(name => `${name}_temp_path ${folder}/${name};`).join('\n  ')}
  map $http_authorization $account { default ""; ${accounts.join(' ')} }
  server {
    listen ${host};
    location = /events {
      if ($account = "") { return 401; }
      nchan_subscriber eventsource;
      nchan_channel_id $account;
    }
    location = /messages {
      if ($account = "") { return 401; }
      nchan_publisher;
      nchan_channel_id $account;
      nchan_message_timeout 5m;
      nchan_message_buffer_length 100;
    }
  }
}
`
}

async function findFreePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  await new Promise(resolve => server.close(resolve))
  return port
}

/** Reads to the end, or the pipe fills and nginx stands still. */
async function waitForStart(child: ChildProcessByStdio<Writable, null, Readable>): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  child.once('error', reject)
  createInterface(child.stderr).on('line', line => {
    if (/start worker process \d+/.test(line)) resolve()
    if (/\[emerg\]|not found/.test(line)) reject(new Error(`nginx did not start: ${line}`))
  })
  await promise
}

async function stop(child: ChildProcessByStdio<Writable, null, Readable>): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  child.stdin.end('\n')
  await once(child, 'exit')
}
