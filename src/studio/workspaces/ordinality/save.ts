/** Handing a file to the person. */
export function saveFile(content: string | Blob, type: string, name: string): void {
  const blob = typeof content === 'string' ? new Blob([content], { type }) : content;
  const url = URL.createObjectURL(blob);
  const link = document.createElement('a');
  link.href = url;
  link.download = name;
  link.click();
  // The browser has taken hold of the blob by the next turn of the loop.
  setTimeout(() => URL.revokeObjectURL(url), 1000);
}
