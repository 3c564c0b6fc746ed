#!/usr/bin/env node
/** The process: configuration in, signals, the words at the start, exit code. */
import { type App, createApp } from './app.ts'
import { readConfig } from './config.ts'
import { StartError } from './errors.ts'
import { createLogger } from './log.ts'

process.exitCode = await run()

async function run(): Promise<number> {
  const stop = stopSignal()
  try {
    const { config, secrets, warnings } = readConfig(process.env)
    const log = createLogger({ level: config.logLevel })
    for (const warning of warnings) log.warn(warning)
    await using app = await createApp({ config, secrets, log })
    const url = await app.listen()
    log.info({ url: url.href, store: config.store }, 'listening')
    const newAdminKey = await app.createFirstAdminKey()
    process.stdout.write(greeting(app, url, newAdminKey, secrets.adminKey !== undefined))
    await stop
    log.info('stopping')
  } catch (error) {
    if (!(error instanceof StartError)) throw error
    process.stderr.write(`${error.message}\n`)
    return 1
  }
  return 0
}

/** Resolves at the first SIGINT or SIGTERM; a second one ends the process at once. */
function stopSignal(): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>()
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => resolve())
  return promise
}

/** The one place that prints a key: the first admin key, at the start that made it. */
function greeting(app: App, url: URL, newAdminKey: string | undefined, hasPreset: boolean): string {
  const endpoint = new URL('graphql', url)
  const lines = ['', `  Passgate      ${endpoint}   (GraphiQL in a browser)`]
  if (app.rootUrl !== undefined) lines.push(`  Root          ${app.rootUrl}   (a vendor’s paths at /)`)
  if (app.sandbox !== undefined) lines.push(`  Sandbox       ${app.sandbox.url}   (a vendor to try things on)`)
  if (newAdminKey !== undefined) {
    lines.push(`  Admin key     ${newAdminKey}   (shown this once; keep it)`)
  }
  if (app.sandbox !== undefined) {
    const key = newAdminKey ?? (hasPreset ? '$PASSGATE_ADMIN_KEY' : '$PASSGATE_KEY')
    const query =
      '{ passthrough(integration: \\"sandbox\\", endUserId: \\"demo\\", path: \\"/v1/contacts?limit=3\\") { status body } }'
    const quote = newAdminKey === undefined ? '"' : "'"
    lines.push(
      '',
      '  Try it:',
      '',
      `  curl ${endpoint} -H 'content-type: application/json' -H ${quote}authorization: Bearer ${key}${quote} -d '{"query":"${query}"}'`,
    )
  }
  return `${lines.join('\n')}\n\n`
}
