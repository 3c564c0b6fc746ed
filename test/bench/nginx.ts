/** nginx as a plain reverse proxy with kept-alive upstream connections, where the machine has it. */
import { spawnSync } from 'node:child_process'
import { writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { type Child, startChild } from './child.ts'

const readyWithinMs = 5000

/** Undefined when there is no nginx. @param directory for its configuration and its temporary files */
export async function startNginx(upstream: URL, directory: string): Promise<Child | undefined> {
  if (spawnSync('nginx', ['-v']).status !== 0) return undefined
  const port = await findFreePort()
  const file = join(directory, 'nginx.conf')
  await writeFile(file, configure(upstream.host, port, directory))
  const url = `http://127.0.0.1:${port}`
  // nginx says nothing when it listens.
  const script = `echo "starts at ${url}"; exec nginx -p "$1" -c "$2" -e stderr`
  const child = await startChild({
    name: 'nginx',
    role: 'contestant',
    command: ['sh', '-c', script, 'nginx', directory, file],
    listening: /starts at (\S+)/,
  })
  await waitForAnswer(child)
  return child
}

/** One process, so that what it uses is one figure. */
function configure(upstream: string, port: number, directory: string): string {
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']
    .map(name => `  ${name}_temp_path ${join(directory, name)};`)
    .join('\n')
  return `daemon off;
master_process off;
pid ${join(directory, 'nginx.pid')};
events { worker_connections 1024; }
http {
  access_log off;
${temporary}
  keepalive_requests 1000000000;
  upstream vendor { server ${upstream}; keepalive 256; keepalive_requests 1000000000; }
  server {
    listen 127.0.0.1:${port};
    location / { proxy_pass http://vendor; proxy_http_version 1.1; proxy_set_header connection ""; }
  }
}
`
}

async function waitForAnswer({ url, output }: Child): Promise<void> {
  const giveUpAt = Date.now() + readyWithinMs
  while (Date.now() < giveUpAt) {
    const isThere = await fetch(`${url}/figures`).then(
      response => response.ok,
      () => false,
    )
    if (isThere) return
    await sleep(50)
  }
  throw new Error(`nginx does not answer: ${output()}`)
}

async function findFreePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve, reject) => server.once('error', reject).listen(0, '127.0.0.1', resolve))
  const address = server.address()
  await new Promise(closed => server.close(closed))
  return typeof address === 'object' && address !== null ? address.port : 0
}
