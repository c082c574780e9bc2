//! Pictures: brought down to the edge that models look at.
//!
//! What is small enough already is passed on as it came; the rest is decoded
//! within limits, turned as its camera says, scaled and written as JPEG. Pure.

use std::io::Cursor;

use bytes::Bytes;
use image::codecs::jpeg::JpegEncoder;
use image::imageops::FilterType;
use image::{DynamicImage, ImageDecoder, ImageFormat, ImageReader, Limits};

use super::prepare::{Prepared, Unprepared};

/// What is larger is written anew even when its edges fit: a request carries it.
const AS_IT_CAME: usize = 3 << 20;

/// The longest edge that is decoded at all, and the memory for it: a picture of
/// 100 megapixels, as good cameras make them.
const EDGE: u32 = 30_000;
const MEMORY: u64 = 400 << 20;

const QUALITY: u8 = 85;

/// The picture with no edge longer than `edge` pixels.
pub(super) fn scaled(file: &Bytes, edge: u32) -> Result<Prepared, Unprepared> {
    let reader = ImageReader::new(Cursor::new(file.as_ref()))
        .with_guessed_format()
        .map_err(Unprepared::damaged)?;
    let format = reader.format().ok_or(Unprepared::Unknown)?;
    let mut decoder = reader.into_decoder().map_err(Unprepared::damaged)?;
    let (width, height) = decoder.dimensions();
    if width.max(height) <= edge && file.len() <= AS_IT_CAME {
        return Ok(Prepared::Picture {
            mime: mime(format).to_owned(),
            bytes: file.clone(),
        });
    }
    let mut limits = Limits::default();
    limits.max_image_width = Some(EDGE);
    limits.max_image_height = Some(EDGE);
    limits.max_alloc = Some(MEMORY);
    limits
        .check_dimensions(width, height)
        .and_then(|()| limits.reserve(decoder.total_bytes()))
        .and_then(|()| decoder.set_limits(limits))
        .map_err(Unprepared::damaged)?;
    let orientation = decoder.orientation().map_err(Unprepared::damaged)?;
    let mut picture = DynamicImage::from_decoder(decoder).map_err(Unprepared::damaged)?;
    if width.max(height) > edge {
        // Keeps the proportions; fast where much is thrown away.
        picture = match width.max(height) > edge * 3 {
            true => picture.thumbnail(edge, edge),
            false => picture.resize(edge, edge, FilterType::Triangle),
        };
    }
    picture.apply_orientation(orientation);
    let mut bytes = Vec::new();
    JpegEncoder::new_with_quality(&mut bytes, QUALITY)
        .encode_image(&on_white(picture))
        .map_err(Unprepared::damaged)?;
    Ok(Prepared::Picture {
        mime: mime(ImageFormat::Jpeg).to_owned(),
        bytes: bytes.into(),
    })
}

/// JPEG has no transparency: what shines through is paper, not night.
fn on_white(picture: DynamicImage) -> DynamicImage {
    if !picture.color().has_alpha() {
        return DynamicImage::ImageRgb8(picture.into_rgb8());
    }
    let picture = picture.into_rgba8();
    let mut paper = image::RgbImage::new(picture.width(), picture.height());
    for (from, to) in picture.pixels().zip(paper.pixels_mut()) {
        let alpha = u32::from(from.0[3]);
        for (to, from) in to.0.iter_mut().zip(from.0) {
            let mixed = (u32::from(from) * alpha + 255 * (255 - alpha)) / 255;
            *to = u8::try_from(mixed).unwrap_or(u8::MAX);
        }
    }
    DynamicImage::ImageRgb8(paper)
}

fn mime(format: ImageFormat) -> &'static str {
    match format {
        ImageFormat::Png => "image/png",
        ImageFormat::WebP => "image/webp",
        _ => "image/jpeg",
    }
}

/// Width and height of a picture, as far as its head tells them.
#[must_use]
pub fn size(file: &[u8]) -> Option<(u32, u32)> {
    let reader = ImageReader::new(Cursor::new(file)).with_guessed_format();
    reader.ok()?.into_dimensions().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn png(width: u32, height: u32) -> Bytes {
        let picture = DynamicImage::new_rgba8(width, height);
        let mut bytes = Cursor::new(Vec::new());
        picture.write_to(&mut bytes, ImageFormat::Png).unwrap();
        bytes.into_inner().into()
    }

    fn prepared(file: &Bytes) -> (String, Bytes) {
        match scaled(file, 100).unwrap() {
            Prepared::Picture { mime, bytes } => (mime, bytes),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_picture_that_fits_is_passed_on_as_it_came() {
        let file = png(100, 40);
        assert_eq!(prepared(&file), ("image/png".to_owned(), file));
    }

    #[test]
    fn a_larger_one_is_scaled_and_keeps_its_proportions() {
        for (width, height, expected) in [
            (200, 100, (100, 50)),
            (30, 120, (25, 100)),
            (1000, 500, (100, 50)),
        ] {
            let (mime, bytes) = prepared(&png(width, height));
            assert_eq!(mime, "image/jpeg");
            assert_eq!(size(&bytes), Some(expected));
        }
    }

    #[test]
    fn what_shines_through_becomes_white() {
        let (_, bytes) = prepared(&png(200, 200));
        let picture = image::load_from_memory(&bytes).unwrap().into_rgb8();
        assert!(picture.get_pixel(50, 50).0.iter().all(|c| *c > 250));
    }

    #[test]
    fn a_picture_that_is_larger_inside_than_any_is_refused_by_its_head() {
        // The head says 60 000 by 60 000; nothing of it is there.
        let mut bomb = png(200, 200).to_vec();
        bomb[16..20].copy_from_slice(&60_000_u32.to_be_bytes());
        bomb[20..24].copy_from_slice(&60_000_u32.to_be_bytes());
        let sum = crc(&bomb[12..29]);
        bomb[29..33].copy_from_slice(&sum.to_be_bytes());
        let refused = scaled(&bomb.into(), 100);
        assert!(
            matches!(refused, Err(Unprepared::Damaged { .. })),
            "{refused:?}"
        );
    }

    fn crc(bytes: &[u8]) -> u32 {
        let mut crc = u32::MAX;
        for byte in bytes {
            crc ^= u32::from(*byte);
            for _ in 0..8 {
                crc = if crc & 1 == 1 {
                    (crc >> 1) ^ 0xEDB8_8320
                } else {
                    crc >> 1
                };
            }
        }
        !crc
    }

    #[test]
    fn what_is_no_picture_is_said_to_be_none() {
        assert_eq!(
            scaled(&Bytes::from_static(b"words"), 100),
            Err(Unprepared::Unknown)
        );
        let half = png(500, 500).slice(..80);
        assert!(matches!(
            scaled(&half, 100),
            Err(Unprepared::Damaged { .. })
        ));
    }
}
