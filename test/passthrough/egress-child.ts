/** A process of its own that sends what its arguments say, guarded and not, and prints what became of each as JSON. */
import { connect } from 'node:tls'
import { createCore, refusalOf } from '../support/passthrough-core.ts'

const [plainUrl = '', secureUrl = '', unlistedUrl = ''] = process.argv.slice(2)

const sent = {
  plain: await sendGuarded(plainUrl),
  secure: await sendGuarded(secureUrl, new URL(secureUrl).host),
  unlisted: await sendGuarded(unlistedUrl, 'localhost:1'),
  // What the same environment does to whoever lets it.
  unguarded: await fetch(plainUrl).then(response => response.text()),
  unverified: await shakeHands(new URL(secureUrl)),
}
process.stdout.write(JSON.stringify(sent))

async function sendGuarded(url: string, allow?: string): Promise<string> {
  await using core = createCore({ url, ...(allow !== undefined && { allow }) })
  const call = core.send({ path: '/asked' })
  return await call.then(
    ({ response }) => String(response.text()),
    async () => (await refusalOf(call)).code,
  )
}

function shakeHands({ hostname, port }: URL): Promise<string> {
  return new Promise(resolve => {
    const socket = connect({ host: hostname, port: Number(port), servername: 'test.example' }, () => {
      socket.destroy()
      resolve('connected')
    })
    socket.on('error', () => resolve('refused'))
  })
}
