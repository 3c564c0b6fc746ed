/** Relay's compiler over the documents of test/typed/relay and our schema, and what it made of them. */
import { execFileSync } from 'node:child_process'
import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

const load = createRequire(join(import.meta.dirname, '../vendors/package.json'))
const root = join(import.meta.dirname, '../..')

export interface RelayProject extends AsyncDisposable {
  /** What the compiler printed. */
  readonly report: string
  /** The compiled document or fragment of this name. */
  artifact<Node>(name: string): Node
  /** Every operation's text by its SHA-256, as a frontend registers them. */
  readonly persisted: Readonly<Record<string, string>>
}

/** @throws when a document is not valid against the schema */
export async function compileRelay(): Promise<RelayProject> {
  const folder = await mkdtemp(join(tmpdir(), 'passgate-relay-'))
  const remove = () => rm(folder, { recursive: true, force: true })
  try {
    await cp(join(root, 'test/typed/relay'), join(folder, 'src'), { recursive: true })
    await cp(join(root, 'schema/schema.graphql'), join(folder, 'schema.graphql'))
    await mkdir(join(folder, 'made'))
    const config = {
      src: './src',
      schema: './schema.graphql',
      language: 'javascript',
      eagerEsModules: false,
      artifactDirectory: './made',
      persistConfig: { file: './persisted.json', algorithm: 'SHA256' },
    }
    await writeFile(join(folder, 'relay.config.json'), JSON.stringify(config))
    await writeFile(join(folder, 'persisted.json'), '{}')
    await writeFile(join(folder, 'package.json'), '{"type":"commonjs"}')
    const compiler: string = load('relay-compiler')
    const report = execFileSync(compiler, ['relay.config.json'], { cwd: folder, timeout: 60_000, encoding: 'utf8' })
    const made = createRequire(join(folder, 'made/at.js'))
    return {
      report,
      artifact: name => made(`./${name}.graphql.js`),
      persisted: JSON.parse(await readFile(join(folder, 'persisted.json'), 'utf8')),
      [Symbol.asyncDispose]: remove,
    }
  } catch (error) {
    await remove()
    throw error
  }
}
