// A drawing on the page, of SVG or of boxes, as a PNG: a copy with its computed styles within an SVG, painted on a canvas.
import { downloadPng } from './export';

/** As large as a slide asks for, whatever the screen is. */
const SCALE = 2;
/** Beyond it browsers refuse a canvas. */
const SIDE_MAX = 8_000;
/** Around the drawing, as much as its title stands in. */
const MARGIN = 12;
/** What moves nothing in a picture that stands still, or says again by the direction of writing what is said by the sides. */
const LEFT_OUT = /^(-|animation|transition|scroll|view-|mask|offset|will-)|(block|inline)-(size|start|end)/;
/** What is only read out, and what is folded away. */
const UNSEEN = '.hidden-visually, details:not([open])';

export async function takePicture(name: string, title: string, drawing: Element): Promise<void> {
  const { scrollWidth, scrollHeight } = drawing;
  const box = drawing.getBoundingClientRect();
  const width = Math.ceil(Math.max(box.width, scrollWidth));
  const height = Math.ceil(Math.max(box.height, scrollHeight));
  const copy = copied(drawing) as HTMLElement;
  Object.assign(copy.style, { width: `${width}px`, height: `${height}px`, margin: '0', overflow: 'visible', position: 'static' });
  const text = new XMLSerializer().serializeToString(copy);
  const svg = `<svg xmlns="http://www.w3.org/2000/svg" width="${width + 2 * MARGIN}" height="${height + MARGIN}"><foreignObject x="${MARGIN}" width="${width}" height="${height}">${text}</foreignObject></svg>`;
  const image = new Image();
  // Not by an object address: with that some browsers let nobody read the canvas.
  image.src = `data:image/svg+xml;charset=utf-8,${encodeURIComponent(svg)}`;
  await image.decode();
  const scale = Math.min(SCALE, SIDE_MAX / (Math.max(width, height) + 2 * MARGIN));
  const canvas = document.createElement('canvas');
  [canvas.width, canvas.height] = [Math.round((width + 2 * MARGIN) * scale), Math.round((height + MARGIN) * scale)];
  canvas.getContext('2d')?.drawImage(image, 0, 0, canvas.width, canvas.height);
  await downloadPng(name, canvas, title, { from: drawing, scale });
}

/** With every style as it is computed, since none of the page's sheets goes along. */
function copied(element: Element): Node {
  const copy = element.cloneNode(false) as HTMLElement | SVGElement;
  const style = getComputedStyle(element);
  copy.removeAttribute('class');
  copy.setAttribute('style', [...style].filter((name) => !LEFT_OUT.test(name)).map((name) => `${name}:${style.getPropertyValue(name)}`).join(';'));
  const isCapitalised = getComputedStyle(element, '::first-letter').textTransform === 'uppercase' && style.textTransform !== 'uppercase';
  for (const child of element.childNodes) {
    if (child instanceof Element) {
      if (!child.matches(UNSEEN)) copy.append(copied(child));
    } else if (child instanceof Text) {
      copy.append(isCapitalised && child === element.firstChild ? child.data.replace(/\S/, (letter) => letter.toUpperCase()) : child.data);
    }
  }
  return copy;
}
