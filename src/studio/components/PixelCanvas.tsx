/**
 * A picture on a 2D canvas at the model's own resolution; CSS enlarges it. A WebGPU canvas would come out blank in
 * screenshots and printouts.
 */
import { useEffect, useRef, type PointerEventHandler } from 'react';

interface PixelCanvasProps {
  width: number;
  height: number;
  /** Writes width x height RGBA bytes; a new function means a new picture. Null leaves the canvas blank. */
  paint: ((rgba: Uint8ClampedArray) => void) | null;
  /** Accessible name; an empty one hides the canvas, for pictures that are named elsewhere. */
  label: string;
  smooth?: boolean;
  onProbe?: (pixel: { x: number; y: number } | null) => void;
  testId?: string;
}

export function PixelCanvas({
  width,
  height,
  paint,
  label,
  smooth = false,
  onProbe,
  testId,
}: PixelCanvasProps) {
  const ref = useRef<HTMLCanvasElement>(null);
  useEffect(() => {
    const context = ref.current?.getContext('2d');
    if (!context) return;
    if (!paint) {
      context.clearRect(0, 0, width, height);
      return;
    }
    const image = context.createImageData(width, height);
    paint(image.data);
    context.putImageData(image, 0, 0);
  }, [paint, width, height]);

  const probe: PointerEventHandler<HTMLCanvasElement> = (e) => {
    const box = e.currentTarget.getBoundingClientRect();
    const place = (at: number, size: number, pixels: number) =>
      Math.max(0, Math.min(pixels - 1, Math.floor((at / size) * pixels)));
    onProbe?.({
      x: place(e.clientX - box.left, box.width, width),
      y: place(e.clientY - box.top, box.height, height),
    });
  };

  return (
    <canvas
      ref={ref}
      className={smooth ? 'pixels pixels-smooth' : 'pixels'}
      width={width}
      height={height}
      role={label ? 'img' : undefined}
      aria-label={label || undefined}
      aria-hidden={label ? undefined : true}
      data-testid={testId}
      data-painted={paint !== null}
      onPointerMove={onProbe && probe}
      onPointerDown={onProbe && probe}
      onPointerLeave={onProbe && (() => onProbe(null))}
    />
  );
}
