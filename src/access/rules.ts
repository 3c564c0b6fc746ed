/** Rules: what may be called with what, by whom. Deny wins; where something is allowed, nothing else is. */
import { type ErrorDetail, GatewayError, invalidFields } from '../errors.ts'
import { isStorable } from '../store/stored-text.ts'
import { type PathPattern, parsePathPattern, pathPatternTakes } from './path-pattern.ts'
import { type PathPlace, readPlace } from './path-readings.ts'

/** A field that is absent stands for any. */
export interface Rule {
  readonly effect: 'ALLOW' | 'DENY'
  /** What a refusal calls it. */
  readonly name?: string | undefined
  /** Slugs. */
  readonly integrations?: readonly string[] | undefined
  readonly connections?: readonly string[] | undefined
  readonly endUsers?: readonly string[] | undefined
  /** In upper case. */
  readonly methods?: readonly string[] | undefined
  /** Patterns for the path below the base URL. */
  readonly paths?: readonly string[] | undefined
}

/** The rules of one key, session, connection or integration. All sets have to agree. */
export interface RuleSet {
  /** Whose they are, as the start of a sentence: `the access key "partner"`. */
  readonly owner: string
  readonly rules: readonly Rule[]
}

/** Whose request it is. */
export interface RuleSubject {
  readonly integration: string
  readonly connectionId: string
  readonly endUserId: string
}

/** One request, as the rules see it. */
export interface RuleTarget extends RuleSubject {
  /** The method, and those that headers or parameters ask the vendor to read it as. */
  readonly methods: readonly string[]
  /** The whole path as it goes on the wire, without the query. */
  readonly path: string
  /** Of the base URL, without a slash at its end; undefined for a request to another origin than its. */
  readonly basePath: string | undefined
  /** A header that may send the request to another path; undefined when it has none. */
  readonly pathHeader?: string | undefined
}

const bounds = { rules: 50, items: 100, name: 80 } as const

/** @throws {GatewayError} INVALID_INPUT with one detail per wrong field, such as `rules.0.paths.1` */
export function checkRules(field: string, rules: readonly Rule[] | null | undefined): Rule[] {
  const given = rules ?? []
  const details: ErrorDetail[] = []
  const report = (at: string, takes: string, got: unknown) =>
    details.push({ field: at, message: `${at} takes ${takes}; got ${JSON.stringify(got)}.` })
  if (given.length > bounds.rules) report(field, `at most ${bounds.rules} rules`, given.length)
  const checked = given.slice(0, bounds.rules).map((rule, index) => checkRule(`${field}.${index}`, rule, report))
  if (details.length > 0) throw invalidFields(details)
  return checked
}

/**
 * Why the request may not be sent; undefined when it may. Judged before the vault is opened.
 * @returns {GatewayError} POLICY_DENIED that names the rule
 */
export function judgeRules(sets: readonly RuleSet[], target: RuleTarget): GatewayError | undefined {
  let place: PathPlace | undefined
  for (const { owner, rules } of sets) {
    if (rules.length === 0) continue
    const compiled = compileAll(rules)
    const concerned = compiled.filter(rule => concerns(rule, target))
    if (concerned.some(rule => rule.patterns !== undefined)) {
      place ??= readPlace(target.path, target.basePath)
      const odd = place.oddity === undefined ? describeHeader(target) : `The path has ${place.oddity}`
      if (odd !== undefined) return denied(`${odd}; rules of ${owner} name paths, and let no such request pass.`)
    }
    const denying = concerned.find(rule => rule.effect === 'DENY' && denies(rule, target, place))
    if (denying !== undefined) {
      const why = denying.patterns !== undefined && place?.below === undefined ? elsewhere : ''
      return denied(`The rule ${describe(denying)} of ${owner} denies this request.${why}`)
    }
    const allowing = compiled.filter(rule => rule.effect === 'ALLOW')
    if (allowing.length === 0 || concerned.some(rule => rule.effect === 'ALLOW' && allows(rule, target, place)))
      continue
    return denied(
      `No rule of ${owner} allows this request; it allows ${allowing.slice(0, 5).map(describe).join(', ')}.`,
    )
  }
  return undefined
}

/** Whether a rule that may decide about such a request names methods, so that all of its methods must be known. */
export function hasMethodRules(sets: readonly RuleSet[], subject: RuleSubject): boolean {
  return sets.some(({ rules }) => rules.some(rule => rule.methods !== undefined && concerns(rule, subject)))
}

const elsewhere = ' It does not go below the base URL; elsewhere a path that is denied counts from any slash on.'

interface CompiledRule extends Rule {
  readonly patterns: readonly PathPattern[] | undefined
}

const compiled = new WeakMap<readonly Rule[], CompiledRule[]>()

function compileAll(rules: readonly Rule[]): CompiledRule[] {
  let found = compiled.get(rules)
  if (found === undefined) {
    found = rules.map(rule => ({ ...rule, patterns: rule.paths?.map(path => compile(path, rule.effect)) }))
    compiled.set(rules, found)
  }
  return found
}

/** What denies is read without regard to case, because some vendors do so. */
function compile(path: string, effect: Rule['effect']): PathPattern {
  const pattern = parsePathPattern(path, { isFolded: effect === 'DENY' })
  // One that is no pattern any more denies everything and allows nothing.
  const matches = () => effect === 'DENY'
  return pattern ?? { source: path, matches, matchesEnd: matches }
}

function allows({ methods, patterns }: CompiledRule, target: RuleTarget, place: PathPlace | undefined): boolean {
  if (methods !== undefined && !target.methods.every(method => methods.includes(method))) return false
  if (patterns === undefined) return true
  const readings = place?.below?.plain ?? []
  return readings.length > 0 && patterns.some(pattern => readings.every(reading => pattern.matches(reading)))
}

/** Where a request goes elsewhere than below the base URL, nobody knows what its path is below: any of its ends counts. */
function denies({ methods, patterns }: CompiledRule, target: RuleTarget, place: PathPlace | undefined): boolean {
  if (methods !== undefined && !target.methods.some(method => methods.includes(method))) return false
  if (patterns === undefined || place === undefined) return true
  const { below, whole } = place
  if (below === undefined) return patterns.some(pattern => whole.folded.some(reading => pattern.matchesEnd(reading)))
  const readings = new Set([...below.folded, ...whole.folded])
  return patterns.some(pattern => [...readings].some(reading => pattern.matches(reading)))
}

function describeHeader({ pathHeader }: RuleTarget): string | undefined {
  return pathHeader === undefined ? undefined : `The header ${pathHeader} may name another path`
}

function concerns({ integrations, connections, endUsers }: Rule, target: RuleSubject): boolean {
  return (
    (integrations === undefined || integrations.includes(target.integration)) &&
    (connections === undefined || connections.includes(target.connectionId)) &&
    (endUsers === undefined || endUsers.includes(target.endUserId))
  )
}

function describe({ name, methods, paths, integrations, connections, endUsers }: Rule): string {
  if (name !== undefined) return JSON.stringify(name)
  const request = `${methods?.join('|') ?? 'any method'} ${paths?.join(' or ') ?? 'any path'}`
  const where = [
    integrations && `at ${integrations.join(', ')}`,
    connections && `of ${connections.join(', ')}`,
    endUsers && `for ${endUsers.join(', ')}`,
  ].filter(part => part !== undefined)
  return `"${[request, ...where].join(' ')}"`
}

function denied(message: string): GatewayError {
  return new GatewayError('POLICY_DENIED', message)
}

type ReportField = (at: string, takes: string, got: unknown) => void

function checkRule(field: string, rule: Rule, report: ReportField): Rule {
  const { effect, name, integrations, connections, endUsers, methods, paths } = rule
  if (effect !== 'ALLOW' && effect !== 'DENY') report(`${field}.effect`, 'ALLOW or DENY', effect)
  if (name != null && (name.trim() === '' || name.length > bounds.name || /[\p{Cc}\p{Cs}]/u.test(name))) {
    report(`${field}.name`, `1 to ${bounds.name} characters without control characters`, name)
  }
  const upper = methods?.map(method => method.toUpperCase())
  const lists = { integrations, connections, endUsers, methods: upper, paths }
  const kept: { -readonly [Key in keyof Rule]?: Rule[Key] } = {}
  for (const [key, list] of Object.entries(lists) as [keyof typeof lists, readonly string[] | null | undefined][]) {
    if (list == null) continue
    if (list.length === 0 || list.length > bounds.items) {
      report(`${field}.${key}`, `1 to ${bounds.items} items, or nothing at all for any`, list.length)
    }
    for (const [index, item] of list.entries()) checkItem(`${field}.${key}.${index}`, key, item, report)
    kept[key] = [...list]
  }
  return { effect, ...(name == null ? {} : { name: name.trim() }), ...kept }
}

function checkItem(at: string, key: string, item: string, report: ReportField): void {
  if (!isStorable(item)) report(at, 'text without U+0000 and halves of surrogate pairs', item)
  else if (key === 'paths' && parsePathPattern(item, { isFolded: false }) === undefined)
    report(at, pathPatternTakes, item)
  else if (key === 'methods' && !/^[A-Z]{1,20}$/.test(item)) report(at, 'a method such as GET', item)
  else if (item === '' || item.length > 500) report(at, '1 to 500 characters', item)
}
