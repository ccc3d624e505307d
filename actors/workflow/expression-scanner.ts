/**
 * Finds the `${…}` in a text. An expression ends at the brace that closes it, not at the first one: braces of maps
 * count, braces in CEL's strings and comments do not. `$${` stands for the characters `${`.
 */

/** A part of a text: characters as they are, or the source of an expression. */
export interface TextPart {
  readonly type: 'text' | 'expression';
  readonly text: string;
}

/** The parts of a text, in order; or where (offset) a `${` begins that nothing closes. */
export function scanText(text: string): { readonly parts: readonly TextPart[] } | { readonly openAt: number } {
  const parts: TextPart[] = [];
  let plain = '';
  let from = 0;
  for (let dollar = text.indexOf('${'); dollar >= 0; dollar = text.indexOf('${', from)) {
    plain += text.slice(from, dollar);
    // A dollar just before it escapes, unless an expression ended there: that one was not part of the plain text.
    if (dollar > from && text[dollar - 1] === '$') {
      plain = `${plain.slice(0, -1)}\${`;
      from = dollar + 2;
      continue;
    }
    const end = endOfExpression(text, dollar + 2);
    if (end === undefined) return { openAt: dollar };
    if (plain !== '') parts.push({ type: 'text', text: plain });
    plain = '';
    parts.push({ type: 'expression', text: text.slice(dollar + 2, end) });
    from = end + 1;
  }
  plain += text.slice(from);
  if (plain !== '') parts.push({ type: 'text', text: plain });
  return { parts };
}

/** Where the brace is that closes an expression that begins at `start`. */
function endOfExpression(text: string, start: number): number | undefined {
  let depth = 0;
  for (let at = start; at < text.length; at++) {
    switch (text[at]) {
      case '{':
        depth += 1;
        break;
      case '}':
        if (depth === 0) return at;
        depth -= 1;
        break;
      case '"':
      case "'": {
        const end = endOfString(text, at);
        if (end === undefined) return undefined;
        at = end;
        break;
      }
      case '/':
        if (text[at + 1] === '/') {
          const newline = text.indexOf('\n', at);
          if (newline < 0) return undefined;
          at = newline;
        }
        break;
      default:
    }
  }
  return undefined;
}

/** Where the last quote of the string is that begins at `start`. A backslash hides the next character, in raw ones too. */
function endOfString(text: string, start: number): number | undefined {
  const quote = text[start] ?? '';
  const close = text.startsWith(quote.repeat(3), start) ? quote.repeat(3) : quote;
  for (let at = start + close.length; at < text.length; at++) {
    if (text[at] === '\\') at += 1;
    else if (text.startsWith(close, at)) return at + close.length - 1;
  }
  return undefined;
}
