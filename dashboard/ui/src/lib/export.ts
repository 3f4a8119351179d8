// Taking things away: a table as CSV, a drawing as PNG.

type Value = string | number | boolean | null | undefined | object;

/** RFC 4180. A text that a spreadsheet would take for a formula is quoted with an apostrophe. */
export function csv(header: string[], rows: Value[][]): string {
  const field = (value: Value): string => {
    if (value === null || value === undefined) return '';
    if (typeof value === 'number') return String(value);
    const text = typeof value === 'object' ? JSON.stringify(value) : String(value);
    const safe = /^[=+\-@\t\r]/.test(text) ? `'${text}` : text;
    return /[",\n\r]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
  };
  return [header, ...rows].map((row) => row.map(field).join(',')).join('\r\n') + '\r\n';
}

export function download(name: string, content: Blob): void {
  const address = URL.createObjectURL(content);
  const link = document.createElement('a');
  link.href = address;
  link.download = name;
  link.click();
  // The browser has begun to read it by then.
  setTimeout(() => URL.revokeObjectURL(address), 10_000);
}

export const downloadCsv = (name: string, header: string[], rows: Value[][]): void =>
  download(`${name}.csv`, new Blob([csv(header, rows)], { type: 'text/csv;charset=utf-8' }));

/** The canvas on the ground of the page, with its title above; the colours are those of what it was drawn `from`. */
export async function downloadPng(name: string, canvas: HTMLCanvasElement, title: string, { from = canvas, scale: ratio = devicePixelRatio }: { from?: Element; scale?: number } = {}): Promise<void> {
  const head = 36 * ratio;
  const sheet = document.createElement('canvas');
  sheet.width = canvas.width;
  sheet.height = canvas.height + head;
  const pen = sheet.getContext('2d');
  if (pen === null) return;
  const style = getComputedStyle(from.closest('.card') ?? document.body);
  pen.fillStyle = style.backgroundColor;
  pen.fillRect(0, 0, sheet.width, sheet.height);
  pen.fillStyle = style.color;
  pen.font = `600 ${14 * ratio}px system-ui, sans-serif`;
  pen.fillText(title, 12 * ratio, 23 * ratio);
  pen.drawImage(canvas, 0, head);
  const blob = await new Promise<Blob | null>((done) => sheet.toBlob(done, 'image/png'));
  if (blob) download(`${name}.png`, blob);
}
