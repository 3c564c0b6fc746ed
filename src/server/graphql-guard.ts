/** What an operation may not be: too large, too dear, or a look at a schema that is not shown. */
import { type DocumentNode, GraphQLError, type GraphQLSchema, parse, type ValidationRule, validate } from 'graphql'
import type { Plugin } from 'graphql-yoga'
import { invalidInput } from '../errors.ts'
import { defaultBudget } from '../gateway/operation.ts'
import { createPricing, type Variables } from './graphql-cost.ts'
import { refuse, requireModestDocument, requireModestText, requireModestVariables } from './graphql-limits.ts'
import { createWeights, maxWeight } from './graphql-weights.ts'

export interface GuardOptions {
  readonly schema: GraphQLSchema
  readonly showsSchema: boolean
}

interface ExecutionParts {
  readonly document: DocumentNode
  readonly operationName?: string | null | undefined
  readonly variableValues?: unknown
}

export function useGuard({ schema, showsSchema }: GuardOptions): Plugin {
  const countCalls = createPricing(schema)
  const weigh = createPricing(schema, createWeights(schema))

  /** Before the first resolver runs. */
  function judge({ document, operationName, variableValues }: ExecutionParts): GraphQLError | undefined {
    try {
      requireModestVariables(variableValues)
    } catch (error) {
      if (error instanceof GraphQLError) return error
      throw error
    }
    const variables = (variableValues ?? {}) as Variables
    const calls = countCalls(document, operationName, variables)
    const { maxCalls } = defaultBudget
    if (calls > maxCalls) {
      return refuse(
        `This operation could make ${calls} upstream calls; one makes at most ${maxCalls}. Send several operations.`,
      )
    }
    const weight = Math.ceil(weigh(document, operationName, variables))
    if (weight <= maxWeight) return undefined
    return refuse(
      `This operation weighs ${weight} by its values and look-ups, times the sizes of its pages; one weighs at most ${maxWeight}. Ask for smaller pages, or send several operations.`,
    )
  }

  return {
    onParse({ setParseFn }) {
      setParseFn(parseModest)
    },
    onValidate({ addValidationRule, setValidationFn }) {
      if (showsSchema) return
      addValidationRule(NoIntrospectionRule)
      setValidationFn((known, document, rules) => validate(known, document, rules, { hideSuggestions: true }))
    },
    onExecute({ args, setResultAndStopExecution }) {
      const refusal = judge(args)
      if (refusal !== undefined) setResultAndStopExecution({ errors: [refusal] })
    },
    onSubscribe({ args, setResultAndStopExecution }) {
      const refusal = judge(args)
      if (refusal !== undefined) setResultAndStopExecution({ errors: [refusal] })
    },
  }
}

function parseModest(text: string): DocumentNode {
  requireModestText(text)
  const document = parse(text)
  requireModestDocument(document)
  return document
}

/** `__typename` stays: clients ask for it with every object. */
const NoIntrospectionRule: ValidationRule = context => ({
  Field(node) {
    if (node.name.value !== '__schema' && node.name.value !== '__type') return
    const originalError = invalidInput('query', 'Introspection is switched off on this gateway.')
    context.reportError(new GraphQLError(originalError.message, { nodes: node, originalError }))
  },
})
