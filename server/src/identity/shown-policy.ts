/**
 * Writes other values in the place of principals in a policy's text, which stays as it is otherwise: only strings
 * within a `Principal` or `NotPrincipal` of a statement are looked at, so the same text in a condition is kept.
 *
 * @param text a policy that was parsed before
 */
export function replacePrincipals(text: string, replacements: ReadonlyMap<string, string>): string {
  let shown = ''
  let copied = 0
  /** For each open object or array: the name under which it stands. */
  const names: string[] = []
  let name = ''
  for (const token of text.matchAll(/"(?:[^"\\]|\\.)*"|[{}[\]]/gu)) {
    const [piece] = token
    const end = token.index + piece.length
    if (piece === '{' || piece === '[') {
      names.push(name)
      name = ''
    } else if (piece === '}' || piece === ']') {
      names.pop()
      name = ''
    } else if (isName(text, end)) name = JSON.parse(piece) as string
    else {
      const within = isPrincipal(name) || names.some(isPrincipal)
      const replacement = within ? replacements.get(JSON.parse(piece) as string) : undefined
      if (replacement !== undefined) {
        shown += text.slice(copied, token.index) + JSON.stringify(replacement)
        copied = end
      }
    }
  }
  return shown + text.slice(copied)
}

function isPrincipal(name: string): boolean {
  return name === 'Principal' || name === 'NotPrincipal'
}

/** Whether a colon follows. */
function isName(text: string, from: number): boolean {
  let at = from
  while (at < text.length && ' \t\r\n'.includes(text.charAt(at))) at++
  return text[at] === ':'
}
