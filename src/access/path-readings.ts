/** How a vendor may read a path: every way that rules judge, and what makes a path too odd to be judged at all. */
import { canonical, foldCase } from './path-pattern.ts'

export interface PathReadings {
  /** As what allows has to cover them, all of them. */
  readonly plain: readonly string[]
  /** As what denies sees them, any of them: without regard to case, to compatible characters, and to blanks and dots at the ends of segments. */
  readonly folded: readonly string[]
}

export interface PathPlace {
  /** What of the path is odd, as the end of a sentence; such a path has no readings. */
  readonly oddity: string | undefined
  /** Below the base URL; undefined for a request that goes elsewhere. */
  readonly below: PathReadings | undefined
  readonly whole: PathReadings
}

/** @param basePath that of the base URL, without a slash at its end; undefined for a request to another origin */
export function readPlace(path: string, basePath: string | undefined): PathPlace {
  const levels = decodeLevels(path)
  const oddity = typeof levels === 'string' ? levels : findDotSegment(levels)
  if (typeof levels === 'string' || oddity !== undefined) return { oddity, below: undefined, whole: nothing }
  const whole = readingsOf(path, levels)
  if (basePath === '') return { oddity, below: whole, whole }
  if (basePath === undefined || !(path === basePath || path.startsWith(`${basePath}/`))) {
    return { oddity, below: undefined, whole }
  }
  const rest = path.slice(basePath.length) || '/'
  const restLevels = decodeLevels(rest)
  return { oddity, below: typeof restLevels === 'string' ? undefined : readingsOf(rest, restLevels), whole }
}

const nothing: PathReadings = { plain: [], folded: [] }

/** Nobody decodes more often; what still changes then is refused. */
const maxRounds = 5

/** The path as it is written, decoded once, and as often as it goes; or what keeps it from being decoded. */
function decodeLevels(path: string): string[] | string {
  const levels = [path]
  for (let text = path; text.includes('%'); ) {
    const decoded = decode(text)
    if (decoded === undefined) return 'bytes that are no UTF-8'
    if (decoded === text) {
      return /%u/i.test(text) ? 'an encoding with %u' : 'a percent sign that begins no encoded byte'
    }
    if (levels.length > maxRounds) return `more than ${maxRounds} encodings in each other`
    levels.push(decoded)
    text = decoded
  }
  return levels.some(level => /\p{Cc}/u.test(level)) ? 'a control character' : levels
}

/** Undefined when a byte is no UTF-8. */
function decode(text: string): string | undefined {
  try {
    return text.replace(/(?:%[0-9a-f]{2})+/gi, decodeURIComponent)
  } catch {
    return undefined
  }
}

/** What some read as the end of a segment's name. */
const nameEnd = /[;?#].*$/s

function findDotSegment(levels: readonly string[]): string | undefined {
  const isDots = (segment: string) => /^\.{1,2}$/.test(segment.replace(nameEnd, '').replace(/\s|\p{DI}/gu, ''))
  const hasDots = levels.some(level => asSlashes(level).normalize('NFKC').split('/').some(isDots))
  return hasDots ? 'a "." or ".." segment in one of its readings' : undefined
}

function readingsOf(path: string, levels: readonly string[]): PathReadings {
  const texts = new Set<string>()
  for (const level of [...levels, decodeSegments(path)]) {
    texts.add(level)
    const tidy = mergeSlashes(asSlashes(level))
    texts.add(tidy)
    if (/[;?#]/.test(tidy)) {
      texts.add(mergeSlashes(tidy.replace(/;[^/]*/g, '')))
      texts.add(tidy.replace(/[?#].*$/s, ''))
    }
  }
  return { plain: [...new Set([...texts].map(canonical))], folded: [...new Set([...texts].flatMap(foldReading))] }
}

/** Decoded after it was cut into segments, as routers do whose parameters may hold a slash. */
function decodeSegments(path: string): string {
  let text = path
  for (let round = 0; round <= maxRounds && text.includes('%'); round += 1) {
    // One run at a time: the bytes of a character stay together, those of a slash stay encoded.
    text = text.replace(/(?:%(?!2f|5c)[0-9a-f]{2})+/gi, code => decode(code) ?? code)
  }
  return text
}

/** Backslashes, and characters that are turned into slashes by best fit or compatibility. */
function asSlashes(text: string): string {
  return text.replace(/[\\\u2044\u2215\u2216\u2571\u29f5\u29f8\ufe68\uff0f\uff3c]/g, '/')
}

function mergeSlashes(text: string): string {
  return text.replace(/\/{2,}/g, '/')
}

function foldReading(text: string): string[] {
  const folded = foldCase(text.normalize('NFKC')).replace(/\p{DI}/gu, '')
  const trimmed = folded
    .split('/')
    .map(segment => segment.trim().replace(/[.\s]+$/, ''))
    .join('/')
  return [foldCase(text), folded, trimmed, trimmed.replace(/(?<=.)\/+$/, '')].map(canonical)
}
