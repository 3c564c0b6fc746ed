/** A frontend of test/typed with what a tool generates for it, in a folder that goes with the test, and the compiler's word on it. */
import { execFile } from 'node:child_process'
import { cp, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

const root = join(import.meta.dirname, '../..')
const packages = join(root, 'test/vendors/node_modules')

export interface TypedClient extends AsyncDisposable {
  /** Runs a program of a package in test/vendors. @throws with all it printed when it fails */
  generate(program: string, args: readonly string[]): Promise<void>
  /** @returns each complaint of the compiler, as `file(line): text` */
  check(files: readonly string[]): Promise<string[]>
}

export interface TypedClientOptions {
  readonly compilerOptions?: object
  /** Files beside the frontend’s own. */
  readonly files?: Readonly<Record<string, object>>
}

export async function createTypedClient(name: string, options: TypedClientOptions = {}): Promise<TypedClient> {
  const folder = await mkdtemp(join(tmpdir(), `passgate-${name}-`))
  const compilerOptions = {
    target: 'esnext',
    module: 'esnext',
    moduleResolution: 'bundler',
    lib: ['esnext', 'dom'],
    types: [],
    strict: true,
    skipLibCheck: true,
    noEmit: true,
    verbatimModuleSyntax: true,
    allowImportingTsExtensions: true,
    ...options.compilerOptions,
  }
  await cp(join(root, 'test/typed', name), folder, { recursive: true })
  await cp(join(root, 'schema/schema.graphql'), join(folder, 'schema.graphql'))
  await symlink(packages, join(folder, 'node_modules'))
  const files: Record<string, object> = { 'tsconfig.json': { compilerOptions }, ...options.files }
  for (const [file, value] of Object.entries(files)) await writeFile(join(folder, file), JSON.stringify(value))
  return {
    async generate(program, args) {
      const { code, text } = await run(join(packages, program), args, folder)
      if (code !== 0) throw new Error(`${program} ended with ${code}: ${text}`)
    },
    async check(wanted) {
      await writeFile(
        join(folder, 'tsconfig.check.json'),
        JSON.stringify({ extends: './tsconfig.json', files: wanted }),
      )
      const compiler = join(root, 'node_modules/typescript/bin/tsc')
      const { code, text } = await run(compiler, ['-p', 'tsconfig.check.json', '--pretty', 'false'], folder)
      const complaints = text.split('\n').filter(line => /^\S.*: error TS\d+: /.test(line))
      if (code !== 0 && complaints.length === 0) throw new Error(`tsc ended with ${code}: ${text}`)
      return complaints.map(line => line.replace(/^(.*?)\((\d+),\d+\): error (.*)$/, '$1($2): $3'))
    },
    [Symbol.asyncDispose]: () => rm(folder, { recursive: true, force: true }),
  }
}

function run(script: string, args: readonly string[], cwd: string): Promise<{ code: number; text: string }> {
  return new Promise(resolve => {
    const child = execFile(process.execPath, [script, ...args], { cwd, timeout: 90_000 }, (_error, stdout, stderr) => {
      resolve({ code: child.exitCode ?? -1, text: `${stdout}${stderr}` })
    })
  })
}
