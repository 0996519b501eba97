import { templates, type Template } from './templates.ts'

/** The template or one of its values is not as it must be; one sentence. */
export class TemplateError extends Error {
  override name = 'TemplateError'
}

/** @throws TemplateError */
export function requireTemplate(name: string): Template {
  const template = Object.hasOwn(templates, name) ? templates[name] : undefined
  if (template !== undefined) return template
  throw new TemplateError(`there is no template ${name}; there are ${Object.keys(templates).join(', ')}`)
}

/**
 * A template's policy with the values in it.
 * @returns the policy document as text, indented
 * @throws TemplateError for a value that is missing, unknown or of the wrong form
 */
export function fillTemplate(name: string, given: ReadonlyMap<string, string>): string {
  const { parameters, statements } = requireTemplate(name)
  for (const parameter of given.keys()) {
    if (!Object.hasOwn(parameters, parameter)) {
      throw new TemplateError(
        `${name} has no parameter ${parameter}; it has ${Object.keys(parameters).join(', ')}`,
      )
    }
  }
  const values = new Map(
    Object.entries(parameters).map(([parameter, { form, pattern, many, standard }]) => {
      const text = given.get(parameter) ?? standard
      if (text === undefined) throw new TemplateError(`${name} needs ${parameter}: ${form}`)
      const parts = many === true ? text.split(',') : [text]
      if (!parts.every((part) => pattern.test(part))) {
        throw new TemplateError(`${parameter} of ${name} must be ${form}`)
      }
      return [parameter, parts] as const
    }),
  )
  const many = (parameter: string): readonly string[] => {
    const parts = values.get(parameter)
    if (parts === undefined)
      throw new Error(`template ${name} asks for a parameter that it does not have: ${parameter}`)
    return parts
  }
  const one = (parameter: string): string => many(parameter)[0] ?? ''
  return JSON.stringify({ Version: '2012-10-17', Statement: statements({ one, many }) }, null, 2)
}
